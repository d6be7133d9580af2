import { canonical, elementsOf, includes, mutated, type OvsdbValue, resolved } from './ovsdb-values.js';

export type OvsdbRow = Readonly<Record<string, OvsdbValue>>;
export type TableName = 'Open_vSwitch' | 'Bridge' | 'Port' | 'Interface' | 'QoS' | 'Queue';
export interface RowChange {
  readonly table: TableName;
  readonly uuid: string;
  readonly before: OvsdbRow | undefined;
  readonly after: OvsdbRow | undefined;
}
export type TransactResult = readonly Readonly<Record<string, unknown>>[];

const none: OvsdbValue = ['set', []];
const emptyMap: OvsdbValue = ['map', []];
/** Columns with their values in a new row: the part of Open vSwitch's schema that queues need. */
export const ovsdbSchema: Readonly<Record<TableName, OvsdbRow>> = {
  Open_vSwitch: { bridges: none, external_ids: emptyMap, ovs_version: '' },
  Bridge: { name: '', ports: none, external_ids: emptyMap, datapath_id: '', fail_mode: none },
  Port: { name: '', interfaces: none, qos: none, external_ids: emptyMap },
  Interface: { name: '', type: '', ofport: none, external_ids: emptyMap },
  QoS: { type: '', queues: emptyMap, other_config: emptyMap, external_ids: emptyMap },
  Queue: { dscp: none, other_config: emptyMap, external_ids: emptyMap },
};

class OperationError extends Error {
  readonly code: string;
  constructor(code: string, details: string) {
    super(details);
    this.code = code;
  }
}
type Operation = Readonly<Record<string, unknown>>;

/** A small OVSDB: tables of rows, and transactions as RFC 7047 section 5.2 has them, all or nothing. */
export class OvsdbDatabase {
  /** told after a transaction that changed something */
  onChange: (changes: readonly RowChange[]) => void = () => {};
  private tables = emptyTables();
  private nextUuid = 1;

  rows(table: TableName): ReadonlyMap<string, OvsdbRow> {
    return this.tables[table];
  }

  insert(table: TableName, row: OvsdbRow): string {
    const uuid = this.newUuid();
    this.tables[table].set(uuid, { ...ovsdbSchema[table], ...row });
    return uuid;
  }

  /** One result for each operation up to the first that failed, which has `error`; then null for the rest. */
  transact(operations: readonly unknown[]): (Readonly<Record<string, unknown>> | null)[] {
    const before = this.tables;
    this.tables = copyOf(before);
    const names = new Map<string, string>();
    const results: (Readonly<Record<string, unknown>> | null)[] = [];
    try {
      for (const operation of operations) results.push(this.perform(asObject(operation), names));
    } catch (error) {
      this.tables = before;
      if (!(error instanceof OperationError)) throw error;
      results.push({ error: error.code, details: error.message });
      while (results.length < operations.length) results.push(null);
      return results;
    }
    const changes = changesBetween(before, this.tables);
    if (changes.length > 0) this.onChange(changes);
    return results;
  }

  private perform(operation: Operation, names: Map<string, string>): Readonly<Record<string, unknown>> {
    switch (operation.op) {
      case 'insert':
        return this.insertRow(operation, names);
      case 'select':
        return {
          rows: this.selected(operation, names).map(([uuid, row]) => project(uuid, row, operation.columns)),
        };
      case 'update':
        return this.updateRows(operation, names);
      case 'mutate':
        return this.mutateRows(operation, names);
      case 'delete': {
        const rows = this.selected(operation, names);
        for (const [uuid] of rows) this.table(operation).delete(uuid);
        return { count: rows.length };
      }
      case 'wait':
        return this.wait(operation, names);
      case 'comment':
        return {};
      case 'abort':
        throw new OperationError('aborted', 'the transaction asked for it');
      default:
        throw new OperationError('not supported', `operation ${String(operation.op)}`);
    }
  }

  private insertRow(operation: Operation, names: Map<string, string>): Readonly<Record<string, unknown>> {
    const rows = this.table(operation);
    const uuid = this.newUuid();
    const name = operation['uuid-name'];
    if (typeof name === 'string') names.set(name, uuid);
    rows.set(uuid, { ...ovsdbSchema[tableName(operation)], ...this.checkedRow(operation, names) });
    return { uuid: ['uuid', uuid] };
  }

  private updateRows(operation: Operation, names: Map<string, string>): Readonly<Record<string, unknown>> {
    const values = this.checkedRow(operation, names);
    const rows = this.selected(operation, names);
    for (const [uuid, row] of rows) this.table(operation).set(uuid, { ...row, ...values });
    return { count: rows.length };
  }

  private mutateRows(operation: Operation, names: Map<string, string>): Readonly<Record<string, unknown>> {
    const rows = this.selected(operation, names);
    const mutations = asList(operation.mutations).map(asList);
    for (const [uuid, row] of rows) {
      let changed = row;
      for (const [column, mutator, argument] of mutations) {
        const name = this.checkedColumn(operation, String(column));
        const value = mutated(changed[name], String(mutator), resolved(argument, names));
        if (value === undefined)
          throw new OperationError('constraint violation', `cannot ${String(mutator)} into ${name}`);
        changed = { ...changed, [name]: value };
      }
      this.table(operation).set(uuid, changed);
    }
    return { count: rows.length };
  }

  /** Nobody else changes this database, so what does not hold now will not hold within any time-out. */
  private wait(operation: Operation, names: Map<string, string>): Readonly<Record<string, unknown>> {
    const columns = operation.columns;
    const textOf = (row: OvsdbRow): string =>
      asList(columns ?? Object.keys(row))
        .map((column) => `${String(column)}=${canonical(resolved(row[String(column)], names))}`)
        .join();
    const actual = this.selected(operation, names).map(([uuid, row]) =>
      textOf({ ...row, _uuid: ['uuid', uuid] }),
    );
    const expected = asList(operation.rows).map((row) => textOf(asObject(row)));
    const equal = [...new Set(actual)].sort().join('\n') === [...new Set(expected)].sort().join('\n');
    if (equal !== (operation.until === '=='))
      throw new OperationError('timed out', 'the condition does not hold');
    return {};
  }

  private selected(operation: Operation, names: ReadonlyMap<string, string>): [string, OvsdbRow][] {
    const conditions = asList(operation.where ?? []).map(asList);
    for (const [column] of conditions) this.checkedColumn(operation, String(column));
    return [...this.table(operation)].filter(([uuid, row]) =>
      conditions.every(([column, relation, value]) => {
        const actual = column === '_uuid' ? ['uuid', uuid] : row[String(column)];
        return holds(actual, String(relation), resolved(value, names));
      }),
    );
  }

  private checkedRow(operation: Operation, names: ReadonlyMap<string, string>): OvsdbRow {
    const row: Record<string, OvsdbValue> = {};
    for (const [column, value] of Object.entries(asObject(operation.row)))
      row[this.checkedColumn(operation, column)] = resolved(value, names);
    return row;
  }

  private checkedColumn(operation: Operation, column: string): string {
    if (column !== '_uuid' && !Object.hasOwn(ovsdbSchema[tableName(operation)], column))
      throw new OperationError('unknown column', `${tableName(operation)} has no column ${column}`);
    return column;
  }

  private table(operation: Operation): Map<string, OvsdbRow> {
    return this.tables[tableName(operation)];
  }

  private newUuid(): string {
    return `00000000-0000-4000-8000-${(this.nextUuid++).toString(16).padStart(12, '0')}`;
  }
}

type Tables = Record<TableName, Map<string, OvsdbRow>>;
const tableNames = Object.keys(ovsdbSchema) as TableName[];
const emptyTables = (): Tables =>
  Object.fromEntries(tableNames.map((name) => [name, new Map<string, OvsdbRow>()])) as Tables;
const copyOf = (tables: Tables): Tables =>
  Object.fromEntries(tableNames.map((name) => [name, new Map(tables[name])])) as Tables;

function changesBetween(before: Tables, after: Tables): RowChange[] {
  const changes: RowChange[] = [];
  for (const table of tableNames) {
    for (const uuid of new Set([...before[table].keys(), ...after[table].keys()])) {
      const [old, now] = [before[table].get(uuid), after[table].get(uuid)];
      if (old !== now) changes.push({ table, uuid, before: old, after: now });
    }
  }
  return changes;
}

function holds(actual: OvsdbValue, relation: string, value: OvsdbValue): boolean {
  switch (relation) {
    case '==':
      return canonical(actual) === canonical(value);
    case '!=':
      return canonical(actual) !== canonical(value);
    case 'includes':
      return includes(actual, value);
    case 'excludes':
      return !elementsOf(value).some((element) => includes(actual, element));
    default:
      throw new OperationError('not supported', `condition ${relation}`);
  }
}

function project(uuid: string, row: OvsdbRow, columns: unknown): OvsdbRow {
  const all: OvsdbRow = { ...row, _uuid: ['uuid', uuid] };
  if (columns === undefined) return all;
  return Object.fromEntries(asList(columns).map((column) => [String(column), all[String(column)]]));
}

function tableName(operation: Operation): TableName {
  const name = operation.table;
  if (typeof name !== 'string' || !Object.hasOwn(ovsdbSchema, name))
    throw new OperationError('unknown table', `there is no table ${String(name)}`);
  return name as TableName;
}

function asObject(value: unknown): Operation {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new OperationError('syntax error', `${JSON.stringify(value)} is not an object`);
  return value as Operation;
}

function asList(value: unknown): unknown[] {
  if (!Array.isArray(value))
    throw new OperationError('syntax error', `${JSON.stringify(value)} is not a list`);
  return value;
}
