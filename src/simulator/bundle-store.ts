import {
  type RemovedFlow,
  type TableError,
  TableModel,
  type TableModelOptions,
} from '../network/table-model.js';
import {
  type Message,
  OFPBCT_CLOSE_REPLY,
  OFPBCT_CLOSE_REQUEST,
  OFPBCT_COMMIT_REPLY,
  OFPBCT_COMMIT_REQUEST,
  OFPBCT_DISCARD_REPLY,
  OFPBCT_DISCARD_REQUEST,
  OFPBCT_OPEN_REPLY,
  OFPBCT_OPEN_REQUEST,
  OFPET_EXPERIMENTER,
  OFPFC_ADD,
  OFPGC_ADD,
} from '../openflow/index.js';

type BundleControl = Extract<Message, { type: 'bundle_control' }>;
type BundleAdd = Extract<Message, { type: 'bundle_add_message' }>;
type FlowMod = Extract<Message, { type: 'flow_mod' }>;

export interface BundleResult {
  readonly error?: TableError;
  readonly replyType?: number;
  readonly removed?: readonly RemovedFlow[];
}

interface Bundle {
  readonly mods: FlowMod[];
  closed: boolean;
}

/** OFPBFC_*: experimenter errors of ONF extension 230. */
const failed = (offset: number): BundleResult => ({
  error: { errorType: OFPET_EXPERIMENTER, errorCode: 2300 + offset },
});
const badId = 2;
const bundleExists = 3;
const bundleClosed = 4;
const outOfBundles = 5;
const badType = 6;
const unsupportedMessage = 10;
const messageFailed = 13;
const mostBundles = 16;

/**
 * Open bundles of one connection. As in Open vSwitch a message is looked at when it is added; one that is
 * refused then is not in the bundle, and a later commit applies the others. A commit is all or nothing.
 */
export class BundleStore {
  private readonly open = new Map<number, Bundle>();
  private readonly tables: TableModel;
  private readonly tableOptions: TableModelOptions;

  constructor(tables: TableModel, tableOptions: TableModelOptions) {
    this.tables = tables;
    this.tableOptions = tableOptions;
  }

  clear(): void {
    this.open.clear();
  }

  control(message: BundleControl, nowSeconds: number): BundleResult {
    const bundle = this.open.get(message.bundle_id);
    if (message.control_type === OFPBCT_OPEN_REQUEST) {
      if (bundle !== undefined) return failed(bundleExists);
      if (this.open.size >= mostBundles) return failed(outOfBundles);
      this.open.set(message.bundle_id, { mods: [], closed: false });
      return { replyType: OFPBCT_OPEN_REPLY };
    }
    if (bundle === undefined) return failed(badId);
    switch (message.control_type) {
      case OFPBCT_CLOSE_REQUEST:
        if (bundle.closed) return failed(bundleClosed);
        bundle.closed = true;
        return { replyType: OFPBCT_CLOSE_REPLY };
      case OFPBCT_DISCARD_REQUEST:
        this.open.delete(message.bundle_id);
        return { replyType: OFPBCT_DISCARD_REPLY };
      case OFPBCT_COMMIT_REQUEST:
        this.open.delete(message.bundle_id);
        return this.commit(bundle.mods, nowSeconds);
      default:
        return failed(badType);
    }
  }

  add(message: BundleAdd): BundleResult {
    const bundle = this.open.get(message.bundle_id);
    if (bundle === undefined) return failed(badId);
    if (bundle.closed) return failed(bundleClosed);
    if (message.message.type !== 'flow_mod') return failed(unsupportedMessage);
    const trial = this.copy(false).apply(message.message, 0);
    if (!trial.ok) return { error: trial.error };
    bundle.mods.push(message.message);
    return {};
  }

  private commit(mods: readonly FlowMod[], nowSeconds: number): BundleResult {
    const rehearsal = this.copy(true);
    for (const mod of mods) {
      const result = rehearsal.apply(mod, nowSeconds);
      if (!result.ok) return failed(messageFailed);
    }
    const removed: RemovedFlow[] = [];
    for (const mod of mods) {
      const result = this.tables.apply(mod, nowSeconds);
      if (!result.ok)
        throw new RangeError(
          `a bundle that passed its rehearsal failed with error ${result.error.errorType}/${result.error.errorCode}`,
        );
      removed.push(...result.removed);
    }
    return { replyType: OFPBCT_COMMIT_REPLY, removed };
  }

  /** Tables on which a command can be tried; groups always, entries on request. */
  private copy(withEntries: boolean): TableModel {
    // What is there is there, also if it is more than would be let in now.
    const options: TableModelOptions = { ...this.tableOptions, maxEntries: undefined };
    const copy = new TableModel(options);
    for (const group of this.tables.groups.list())
      copy.groups.apply({ type: 'group_mod', xid: 0, command: OFPGC_ADD, ...group });
    if (withEntries)
      for (const entry of this.tables.entries())
        copy.apply({ ...entry.flowMod, command: OFPFC_ADD, flags: 0, instructions: entry.instructions }, 0);
    options.maxEntries = this.tableOptions.maxEntries;
    return copy;
  }
}
