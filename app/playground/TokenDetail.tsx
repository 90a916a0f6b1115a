import type { ScoredToken } from "../../lab/protocol.ts";
import { decimal, percent, visible } from "../charts/format.ts";

/** Rows of the bar chart, so that the panel keeps its height whatever token is chosen. */
const nRows = 6;

interface TokenDetailProps {
  readonly token: ScoredToken | undefined;
  readonly where: string;
}

/** One token: how probable the model found it, and what it would rather have read or written. */
export function TokenDetail({ token, where }: TokenDetailProps) {
  return (
    <aside className={token === undefined ? "detail empty" : "detail"} aria-label="The chosen token">
      {token === undefined ? (
        <p className="quiet">
          Point at a token, or move through the text with the arrow keys, to see what else the model had in
          mind.
        </p>
      ) : (
        <>
          <p className="detail-token">
            <span className="piece">{visible(token.piece)}</span>
          </p>
          <p className="detail-probability num">
            {token.logprob === null ? "–" : percent(Math.exp(token.logprob))}
            <span className="quiet">
              {token.logprob === null
                ? "the first token has nothing before it"
                : `surprise ${decimal(-token.logprob)} nats`}
            </span>
          </p>
          <div className="bars-box">
            <RunnersUp token={token} />
          </div>
          <p className="quiet num detail-id">
            {where} · number <span className="mono">{token.id}</span>
          </p>
        </>
      )}
    </aside>
  );
}

/** The most probable tokens at this place as bars; the one that stands there is marked, and added when it is not among them. */
export function barsOf(token: ScoredToken): readonly {
  readonly id: number;
  readonly piece: string;
  readonly p: number;
  readonly isChosen: boolean;
}[] {
  const best = token.runnersUp.map((other) => ({
    id: other.id,
    piece: other.piece,
    p: Math.exp(other.logprob),
    isChosen: other.id === token.id,
  }));
  const top = best.slice(0, nRows);
  if (token.logprob === null || top.some((bar) => bar.isChosen)) return top;
  return [
    ...best.slice(0, nRows - 1),
    { id: token.id, piece: token.piece, p: Math.exp(token.logprob), isChosen: true },
  ];
}

function RunnersUp({ token }: { readonly token: ScoredToken }) {
  const bars = barsOf(token);
  return (
    <table className="bars num">
      <caption className="hidden">What the model thought could stand here, most probable first</caption>
      <colgroup>
        <col className="bars-pieces" />
        <col />
      </colgroup>
      <thead className="hidden">
        <tr>
          <th scope="col">Token</th>
          <th scope="col">Probability</th>
        </tr>
      </thead>
      <tbody>
        {bars.map((bar) => (
          <tr key={bar.id} className={bar.isChosen ? "chosen" : undefined}>
            <th scope="row" className="piece">
              {visible(bar.piece)}
              {bar.isChosen && <span className="hidden"> (stands here)</span>}
            </th>
            <td className="bar-cell">
              <span className="bar-track">
                <span className="bar" style={{ width: `${Math.max(0.5, 100 * bar.p)}%` }} />
              </span>
              <span className="bar-value">{percent(bar.p)}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
