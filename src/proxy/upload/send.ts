// SPDX-License-Identifier: Apache-2.0
// One run of the uploader: sends what may be sent, batch after batch, epoch after epoch, and does what the answers say. Exactly once by
// (epoch, seq) and the chain: what is sent again is stored once. Ends at the first failure; when to run again is not decided here.

import { assertNever } from '../../contract/assert-never.ts';
import { MAX_BATCH_ROWS } from '../../contract/sync/limits.ts';
import { toHex } from '../../protocol/chain.ts';
import type { Acknowledged, Acknowledgements } from './acknowledged.ts';
import { type Reply, readAnswer, type Verdict } from './answer.ts';
import { type Batch, makeBatch, type Place, START } from './batch.ts';
import { type EpochRead, type EpochReader, epochsOnDisk, gapReason, listSources, type Source } from './source.ts';
import type { FromUpload, RunEnd, ToUpload, UploadEvent } from './upload-protocol.ts';

export type AckStore = Pick<Acknowledgements, 'get' | 'put' | 'keepOnly' | 'quarantined'>;
export type SendOrder = ToUpload & { readonly type: 'send' };

/** The doors of a run. */
export interface SendParts {
  readonly auditDir: string;
  readonly acks: AckStore;
  read<T>(source: Source, read: (reader: EpochReader) => T): EpochRead<T>;
  /** Compresses, signs, posts. */
  exchange(text: string): Promise<Reply>;
  /** The server told its time. Resolves when requests are dated anew. */
  clockSaid(now: number): Promise<void>;
  tell(message: FromUpload): void;
}

export interface SendResult {
  readonly end: RunEnd;
  /** Rows of the next batch. */
  readonly batchRows: number;
}

/** How an epoch ended: all is sent or stopped, or the run is over. */
type EpochEnd = { readonly kind: 'next' } | Exclude<RunEnd, { readonly kind: 'done' }>;
const NEXT: EpochEnd = { kind: 'next' };

export function sendAll(order: SendOrder, parts: SendParts): Promise<SendResult> {
  return new Run(order, parts).send();
}

/** What is not sent of one epoch. */
interface Unsent {
  readonly source: Source;
  rows: number;
  readonly rowBytes: number;
  oldest: number | undefined;
  place: Place;
  /** Why rows of it are missing, once it was looked up. */
  whyLost?: string;
}

class Run {
  readonly #parts: SendParts;
  readonly #stopped: Set<string>;
  readonly #epochs: Unsent[];
  readonly #newest: string;
  readonly #device: string;
  #batchRows: number;
  /** After 413: more than this was too much. */
  #most = MAX_BATCH_ROWS;
  #corrected = false;

  constructor(order: SendOrder, parts: SendParts) {
    this.#parts = parts;
    this.#stopped = new Set(order.stopped);
    this.#batchRows = Math.max(1, Math.min(order.batchRows, MAX_BATCH_ROWS));
    this.#newest = order.epoch;
    this.#device = order.target.device;
    const sources = listSources(parts.auditDir, order);
    parts.acks.keepOnly(epochsOnDisk(parts.auditDir));
    this.#epochs = sources.map((source) => this.#survey(source));
  }

  async send(): Promise<SendResult> {
    this.#progress(0);
    for (const epoch of this.#epochs) {
      if (this.#stopped.has(epoch.source.epoch)) continue;
      const end = await this.#sendEpoch(epoch);
      if (end.kind === 'next') continue;
      if (end.kind === 'failed') this.#batchRows = Math.max(1, Math.floor(this.#batchRows / 2));
      return { end, batchRows: this.#batchRows };
    }
    return { end: { kind: 'done' }, batchRows: this.#batchRows };
  }

  /** One look at a file: what is in it and where the server stands. */
  #survey(source: Source): Unsent {
    const found = this.#parts.read(source, (reader) => {
      const place = placeOf(reader, this.#parts.acks.get(source.epoch), this.#device);
      const rows = Math.max(0, reader.end - place.seq);
      const oldest = rows === 0 ? undefined : reader.timeAfter(place.seq);
      return { source, rows, rowBytes: reader.rowBytes, oldest, place };
    });
    if (found.state === 'read') return found.value;
    // Busy: it may have rows, so it stays. Gone and damaged are told when they are reached.
    return { source, rows: found.state === 'busy' ? 1 : 0, rowBytes: 0, oldest: undefined, place: START };
  }

  async #sendEpoch(unsent: Unsent): Promise<EpochEnd> {
    const { source } = unsent;
    const refused = new Set<number>();
    let wentBack = false;
    for (;;) {
      const batch = this.#read(unsent, refused);
      if (batch.kind !== 'batch') return batch;
      const verdict = readAnswer(await this.#parts.exchange(batch.batch.text));
      switch (verdict.kind) {
        case 'ack': {
          const end = this.#acknowledged(unsent, batch.batch, verdict);
          if (end !== undefined) return end;
          break;
        }
        case 'behind': {
          // Strictly back and once: a server that loses rows over and over must not be asked without a pause.
          if (wentBack || verdict.ack.seq >= batch.batch.after.seq) return { kind: 'failed', why: 'behind' };
          wentBack = true;
          const end = this.#goBack(unsent, verdict.ack);
          if (end !== undefined) return end;
          break;
        }
        case 'fork':
          return this.#stop({ kind: 'fork', epoch: source.epoch, seq: verdict.seq ?? batch.batch.after.seq + 1 });
        case 'split':
          if (batch.batch.count === 1) {
            if (!quarantine(batch.batch, batch.batch.last.seq, refused)) return { kind: 'failed', why: 'too-large' };
          } else {
            this.#most = Math.ceil(batch.batch.count / 2);
            this.#batchRows = Math.min(this.#batchRows, this.#most);
          }
          break;
        case 'quarantine':
          if (!quarantine(batch.batch, verdict.seq, refused)) return { kind: 'failed', why: 'row' };
          break;
        case 'clock':
          if (this.#corrected) return { kind: 'failed', why: 'clock' };
          this.#corrected = true;
          await this.#parts.clockSaid(verdict.now);
          break;
        case 'refused':
        case 'failed':
          return verdict;
        default:
          return assertNever(verdict);
      }
    }
  }

  #read(unsent: Unsent, refused: ReadonlySet<number>): { readonly kind: 'batch'; readonly batch: Batch } | EpochEnd {
    const { source, place } = unsent;
    const { epoch } = source;
    const found = this.#parts.read(source, (reader) => {
      const rows = reader.rows(place.seq, this.#batchRows);
      const whyLost = (): string => {
        const seen = reader.damaged || source.salvaged !== undefined ? 'damage' : 'missing';
        unsent.whyLost ??= gapReason(this.#parts.auditDir, epoch) ?? seen;
        return unsent.whyLost;
      };
      return makeBatch(rows, { epoch, place, refused, most: this.#batchRows, whyLost });
    });
    if (found.state === 'busy') return { kind: 'failed', why: found.why };
    if (found.state === 'damaged') return this.#stop({ kind: 'unreadable', epoch });
    const batch = found.state === 'read' ? found.value : undefined;
    if (batch === undefined) {
      unsent.rows = 0;
      unsent.oldest = undefined;
      this.#progress(0);
      return NEXT;
    }
    unsent.oldest = batch.at;
    return { kind: 'batch', batch };
  }

  /** The answer may be of more rows than this batch has: of one that was stored and whose answer was lost. */
  #acknowledged(unsent: Unsent, batch: Batch, { ack, receipt }: Verdict & { kind: 'ack' }): EpochEnd | undefined {
    const why = this.#mismatch(unsent.source, batch, ack);
    if (why === 'busy') return { kind: 'failed', why };
    const { epoch, seq, hash } = ack;
    if (why !== undefined) return this.#stop({ kind: 'receipt-mismatch', epoch: batch.epoch, seq, why });
    if (batch.lost !== undefined) this.#event({ kind: 'lost', epoch, ...batch.lost });
    for (const withheld of batch.withheld) this.#event({ kind: 'quarantined', epoch, seq: withheld });
    const before = this.#parts.acks.get(epoch);
    const quarantined = (before?.quarantined ?? 0) + batch.withheld.size;
    // After going back the older receipt says more, unless it is that of another device.
    if (before === undefined || before.device !== this.#device || seq > before.seq) {
      this.#save(epoch, { device: this.#device, seq, hash, receipt, ...(quarantined > 0 && { quarantined }) });
    }
    const count = Math.max(0, seq - unsent.place.seq);
    unsent.place = { seq, hash };
    unsent.rows = Math.max(0, unsent.rows - count);
    this.#batchRows = Math.min(this.#batchRows * 2, this.#most);
    this.#progress(count);
    return undefined;
  }

  #save(epoch: string, acknowledged: Parameters<Acknowledgements['put']>[1]): void {
    try {
      this.#parts.acks.put(epoch, acknowledged);
    } catch (error) {
      // Rows are sent again after a restart, and stored once.
      const fields = { error: error instanceof Error ? error.message : String(error) };
      this.#parts.tell({ type: 'log', level: 'warn', event: 'upload.not-saved', fields });
    }
  }

  /** Why an acknowledgement cannot be true; undefined: it is. */
  #mismatch(source: Source, batch: Batch, ack: Place & { readonly epoch: string }): string | undefined {
    if (ack.epoch !== batch.epoch) return 'another epoch';
    if (ack.seq < batch.last.seq) return 'fewer rows than were sent';
    if (ack.seq === batch.last.seq) return ack.hash === batch.last.hash ? undefined : 'another hash';
    return this.#compare(source, ack);
  }

  /** Against what stands on the disk. The bound is what was ever issued, not what was sent last. Source: sync-audit 3. */
  #compare(source: Source, { seq, hash }: Place): string | undefined {
    const found = this.#parts.read(source, (reader) => {
      const ours = reader.hashAt(seq);
      if (ours === undefined) return seq <= reader.issued() ? undefined : 'more rows than there are';
      return toHex(ours) === hash ? undefined : 'another hash';
    });
    return found.state === 'read' ? found.value : 'busy';
  }

  #goBack(unsent: Unsent, ack: Place): EpochEnd | undefined {
    const { source } = unsent;
    const why = ack.seq === 0 ? undefined : this.#compare(source, ack);
    if (why === 'busy') return { kind: 'failed', why };
    if (why !== undefined) return this.#stop({ kind: 'receipt-mismatch', epoch: source.epoch, seq: ack.seq, why });
    unsent.rows += unsent.place.seq - ack.seq;
    unsent.place = ack.seq === 0 ? START : ack;
    return undefined;
  }

  #stop(event: UploadEvent & { readonly epoch: string }): EpochEnd {
    this.#stopped.add(event.epoch);
    this.#event(event);
    return NEXT;
  }

  #event(event: UploadEvent): void {
    this.#parts.tell({ type: 'event', event });
  }

  #progress(acknowledged: number): void {
    const open = this.#epochs.filter(({ rows }) => rows > 0);
    const oldest = open.flatMap((one) => one.oldest ?? []);
    const backlog = {
      rows: open.reduce((sum, { rows }) => sum + rows, 0),
      bytes: Math.round(open.reduce((sum, { rows, rowBytes }) => sum + rows * rowBytes, 0)),
      oldest: oldest.length === 0 ? undefined : Math.min(...oldest),
      quarantined: this.#parts.acks.quarantined,
      unsentFrom: open[0]?.source.file.epoch ?? this.#newest,
    };
    this.#parts.tell({ type: 'progress', backlog, acknowledged });
  }
}

/** The row's body will not be sent again. False: it is not in the batch, or was sent without its body already. */
function quarantine(batch: Batch, seq: number, refused: Set<number>): boolean {
  if (seq <= batch.after.seq || seq > batch.last.seq || batch.withheld.has(seq)) return false;
  refused.add(seq);
  return true;
}

/** Where to go on. A file that is not the one that was acknowledged is sent from its start, so that the server sees the difference. */
function placeOf(reader: EpochReader, known: Acknowledged | undefined, device: string): Place {
  if (known === undefined) return START;
  const ours = reader.hashAt(known.seq);
  const same = ours === undefined ? known.seq <= reader.issued() : toHex(ours) === known.hash;
  if (!same) return START;
  if (known.device === device) return { seq: known.seq, hash: known.hash };
  // It was sent as the device that this one was before. With the last of those rows the server says whether it goes on from there; else
  // it wants all of them, now as this device's.
  const before = known.seq - 1;
  const hash = ours === undefined ? undefined : reader.hashAt(before);
  return hash === undefined ? START : { seq: before, hash: toHex(hash) };
}
