// SPDX-License-Identifier: Apache-2.0
// Something could not be loaded: says so where it would be, and offers to try again.

interface FailedProps {
  readonly text: string;
  readonly again: string;
  readonly retry: () => void;
}

export function Failed({ text, again, retry }: FailedProps) {
  return (
    <div class="empty">
      <p role="status">{text}</p>
      <button type="button" onClick={retry}>
        {again}
      </button>
    </div>
  );
}
