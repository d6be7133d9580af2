import { render } from 'preact';
import { App } from './app.js';
import { PageStore } from './page-store.js';

const store = new PageStore();
render(<App store={store} />, document.getElementById('page')!);
store.connection.open();
