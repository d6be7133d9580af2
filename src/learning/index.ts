/** A learning switch: answers packet-ins from their bytes. No sockets, no timers; the caller gives the time. */
export { learningCookie, tableMissFlow } from './answer-form.js';
export { LearningSwitch } from './learning-switch.js';
export { MacTable } from './mac-table.js';
