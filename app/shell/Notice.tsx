import type { ReactNode } from "react";
import { Button } from "react-aria-components";
import { X } from "lucide-react";
import type { ErrorData } from "../../lib/errors.ts";

interface NoticeProps {
  readonly kind: "error" | "warning" | "plain";
  readonly children: ReactNode;
  readonly actions?: ReactNode;
  readonly onClose?: (() => void) | undefined;
}

/** Something the visitor should know, calmly and in place. */
export function Notice({ kind, children, actions, onClose }: NoticeProps) {
  return (
    <div className={`notice ${kind}`} role={kind === "error" ? "alert" : "status"}>
      <div className="notice-text">{children}</div>
      {actions !== undefined && <div className="notice-actions">{actions}</div>}
      {onClose !== undefined && (
        <Button className="icon-button small" aria-label="Close this message" onPress={onClose}>
          <X size={16} aria-hidden />
        </Button>
      )}
    </div>
  );
}

interface ErrorNoticeProps {
  readonly error: ErrorData;
  readonly title?: string | undefined;
  readonly onRetry?: (() => void) | undefined;
  readonly onClose?: (() => void) | undefined;
}

/** An error of the engine: what happened, what to do, and a way to try again. */
export function ErrorNotice({ error, title, onRetry, onClose }: ErrorNoticeProps) {
  const retry =
    onRetry === undefined
      ? {}
      : {
          actions: (
            <Button className="button" onPress={onRetry}>
              Try again
            </Button>
          ),
        };
  return (
    <Notice kind="error" onClose={onClose} {...retry}>
      {title !== undefined && <strong>{title} </strong>}
      {error.message}
      {error.hint !== undefined && <span className="notice-hint"> {error.hint}</span>}
    </Notice>
  );
}
