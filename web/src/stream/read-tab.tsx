import { type OnScreen, readCommands } from "../commands/read";
import { Code } from "../pieces/code";

/** The HTTP requests behind what is on screen. */
export function ReadTab(props: OnScreen) {
  return (
    <div>
      {readCommands(props).map((command) => (
        <section key={command.title}>
          <h3>{command.title}</h3>
          <Code text={command.text} label={command.title} />
        </section>
      ))}
    </div>
  );
}
