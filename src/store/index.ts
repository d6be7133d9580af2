export { JournalStore, type StoredRecord, StoreError } from './journal-store.js';
