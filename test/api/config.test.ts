import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { type Configuration, createApi } from '../../src/api/index.js';
import { FakeApplication } from './fake-application.js';

let app: FastifyInstance;
afterEach(() => app.close());
const start = (configuration?: Configuration) => {
  const application = new FakeApplication();
  const options = { application, dashboardDirectory: '/nonexistent' };
  app = createApi({ ...options, ...(configuration === undefined ? {} : { configuration }) });
  return application;
};
const reload = (headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url: '/v1/config:reload', headers });

describe('/v1/config', () => {
  it('shows what is in force and reads the file again', async () => {
    let revision = 4;
    const application = start({
      read: () => ({ revision, settings: { 'control.gain': 0.4 } }),
      reload: async () => {
        revision += 1;
        return [{ setting: 'control.gain', effect: 'cold' }];
      },
    });
    const shown = await app.inject('/v1/config');
    expect(shown.json()).toEqual({ revision: 4, settings: { 'control.gain': 0.4 } });
    expect(shown.headers.etag).toBe('"4"');
    expect((await reload({ 'if-match': '"3"' })).json()).toMatchObject({ status: 412 });
    expect((await reload({ 'if-match': 'W/"4"' })).json()).toMatchObject({ status: 412 });
    expect((await reload({ 'if-match': '4' })).json()).toMatchObject({ status: 400 });
    expect(revision).toBe(4);
    expect((await reload({ 'if-match': '"3", "4"' })).json()).toEqual({
      revision: 5,
      changes: [{ setting: 'control.gain', effect: 'cold' }],
    });
    expect((await reload()).json().revision).toBe(6);
    expect(application.entries.map(({ action, outcome }) => [action, outcome])).toEqual([
      ['reloadConfig', '412'],
      ['reloadConfig', '412'],
      ['reloadConfig', 'done'],
      ['reloadConfig', 'done'],
    ]);
  });
  it('says what is wrong with the file', async () => {
    start({
      read: () => ({ revision: 1, settings: {} }),
      reload: async () => {
        throw new Error('steady.yaml:3:7: control.gain: must be a number');
      },
    });
    expect((await reload()).json()).toMatchObject({
      status: 422,
      type: 'urn:steady:problem:invalid-configuration',
      detail: expect.stringContaining('steady.yaml:3:7'),
    });
  });
  it('is not there where nothing was configured', async () => {
    start();
    expect((await app.inject('/v1/config')).json()).toMatchObject({ status: 409 });
    expect((await reload()).json()).toMatchObject({ type: 'urn:steady:problem:no-configuration' });
  });
});
