/** Parts that several views use. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { hrefOf } from './address.ts';
import type { ApiError } from './api.ts';

export function Card(props: { title: string; aside?: ComponentChildren; wide?: boolean; children: ComponentChildren }) {
  const { title, aside, wide, children } = props;
  return (
    <section class={wide ? 'card wide' : 'card'} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** A box that scrolls, also by keyboard. */
export function Scroll({ label, tall, children }: { label: string; tall?: boolean; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section class={tall ? 'scroll tall' : 'scroll'} tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** Why something cannot be shown, and what to do about it. */
export function Failure({ error, what }: { error: ApiError; what: string }) {
  const why =
    error.status === 0
      ? 'The server does not answer. It is asked again by itself.'
      : error.code === 'history_unavailable'
        ? 'The database is away. It is asked again by itself.'
        : error.message;
  return (
    <p class="empty" role="status">
      {what} cannot be shown. {why}
    </p>
  );
}

export function UserLink({ userId }: { userId: string }) {
  return (
    <a class="id" href={hrefOf('person', { user: userId })}>
      {userId}
    </a>
  );
}

export function StreamLink({ streamId }: { streamId: string | undefined }) {
  if (streamId === undefined) return <span class="muted">no stream</span>;
  return (
    <a class="id" href={hrefOf('now', { stream: streamId })}>
      {streamId}
    </a>
  );
}

export interface Confirmation {
  readonly title: string;
  readonly text: string;
  readonly verb: string;
  /** Asks for a number, with its present value. */
  readonly max?: number;
  readonly act: (reason: string, max: number) => Promise<void>;
}

/** Asks whether an act is meant, and why: a dialog of the browser, which keeps the focus and closes at Escape. */
export function Confirm(props: Confirmation & { error: string | undefined; isBusy: boolean; close: () => void }) {
  const { title, text, verb, max, act, error, isBusy, close } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const { current } = dialog;
    current?.showModal();
    return () => current?.close();
  }, []);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void act(String(form.get('reason')).trim(), Number(form.get('max')));
  };
  return (
    <dialog ref={dialog} aria-labelledby="confirm-title" onClose={close}>
      <form onSubmit={submit}>
        <h2 id="confirm-title" class="question">
          {title}
        </h2>
        <p>{text}</p>
        {max !== undefined && (
          <label>
            Sessions at once
            <input name="max" type="number" min={1} max={1000} required defaultValue={String(max)} />
          </label>
        )}
        <label>
          Reason
          <input
            name="reason"
            required
            maxLength={200}
            autocomplete="off"
            placeholder="Kept in the log with this act"
          />
        </label>
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        <div class="buttons">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class={max === undefined ? 'danger' : 'primary'} disabled={isBusy}>
            {verb}
          </button>
        </div>
      </form>
    </dialog>
  );
}
