/** Why a page cannot be shown, and before that whether it is on its way. */
export function Reading({ error, waiting }: { error: string | null; waiting: boolean }) {
  return (
    <>
      {error && (
        <p class="message error" role="alert">
          {error}
        </p>
      )}
      {waiting && !error && <p class="message">Loading…</p>}
    </>
  );
}
