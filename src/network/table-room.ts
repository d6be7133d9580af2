import { type Rule, ruleKey } from './rules.js';

/** How many entries the tables of one switch hold at most, as far as it told. */
export class TableRoom {
  readonly #limits = new Map<number, number>();

  /** Rows of a `table_features` reply (OpenFlow 1.3.5, A.3.5.5). */
  learn(tables: readonly { readonly table_id: number; readonly max_entries: number }[]): void {
    for (const table of tables) this.#limits.set(table.table_id, table.max_entries);
  }

  /** entries; undefined: not known */
  limitOf(tableId: number): number | undefined {
    return this.#limits.get(tableId);
  }

  /**
   * The first table that the installed rules, everybody's, and the new ones together do not fit into. A rule that takes
   * the place of an installed one needs no room of its own. undefined: all fit, as far as is known.
   */
  overflow(installed: readonly Rule[], adds: readonly Rule[]): number | undefined {
    if (this.#limits.size === 0 || adds.length === 0) return undefined;
    const entries = new Map<number, Set<string>>();
    for (const rule of [...installed, ...adds]) {
      const keys = entries.get(rule.tableId) ?? new Set();
      entries.set(rule.tableId, keys.add(ruleKey(rule)));
    }
    for (const { tableId } of adds) {
      const limit = this.#limits.get(tableId);
      if (limit !== undefined && entries.get(tableId)!.size > limit) return tableId;
    }
    return undefined;
  }
}
