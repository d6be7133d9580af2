export { AuditStore, type NewAudit, type StoredAudit } from './audit-store.js';
export { JournalStore, type StoredRecord, StoreError } from './journal-store.js';
