/** What happened in a while of a run. */
export interface Point {
  /** End of the while, in milliseconds since the run began, and its length. */
  readonly atMs: number;
  readonly lengthMs: number;
  readonly open: number;
  readonly sent: number;
  readonly received: number;
  /** Latencies of the while in milliseconds; undefined when nothing arrived. */
  readonly p50?: number | undefined;
  readonly p99?: number | undefined;
  readonly max?: number | undefined;
}

/** Points that are kept: an hour takes no more memory than ten minutes. */
const MOST_POINTS = 600;

/** The course of a run. When it has grown long, two neighbours become one: rates are those of both, latencies those of the worse one. */
export class Series {
  #points: Point[] = [];
  /** Length of a point, in those that were added. */
  #step = 1;
  #partial: Point | undefined;
  #parts = 0;

  add(point: Point): void {
    this.#partial = this.#partial === undefined ? point : merged(this.#partial, point);
    if (++this.#parts < this.#step) return;
    this.#points.push(this.#partial);
    this.#partial = undefined;
    this.#parts = 0;
    if (this.#points.length >= MOST_POINTS) this.#halve();
  }

  points(): readonly Point[] {
    return this.#partial === undefined ? this.#points : [...this.#points, this.#partial];
  }

  #halve(): void {
    const halved: Point[] = [];
    for (let at = 0; at < this.#points.length; at += 2) {
      const [one, other] = [this.#points[at], this.#points[at + 1]];
      if (one !== undefined) halved.push(other === undefined ? one : merged(one, other));
    }
    this.#points = halved;
    this.#step *= 2;
  }
}

function merged(one: Point, other: Point): Point {
  return {
    atMs: other.atMs,
    lengthMs: one.lengthMs + other.lengthMs,
    open: other.open,
    sent: one.sent + other.sent,
    received: one.received + other.received,
    p50: worse(one.p50, other.p50),
    p99: worse(one.p99, other.p99),
    max: worse(one.max, other.max),
  };
}

const worse = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined ? other : Math.max(one, other ?? one);
