import { type OnScreen, readCommands } from "../commands/read";
import { Code } from "../pieces/code";

/** The HTTP requests behind what is on screen. */
export function ReadTab(props: OnScreen) {
  return (
    <div>
      {readCommands(props).map((command) => (
        <Code key={command.title} title={command.title} text={command.text} />
      ))}
    </div>
  );
}
