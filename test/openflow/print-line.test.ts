import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMessage } from '../../src/openflow/codec.js';
import { formatMessage } from '../../src/openflow/format-message.js';
import type { Message } from '../../src/openflow/generated/types.js';
import { toHex } from '../../src/openflow/hex.js';
import { printLine } from '../../src/openflow/print-line.js';
import { SlabWriter } from '../../src/openflow/slab-writer.js';
import { messageArbitrary } from './arbitrary.js';
import { golden } from './golden-files.js';

const versionedMessage = fc
  .constantFrom(1, 4, 5, 6)
  .chain((version) => messageArbitrary(version).map((message) => ({ version, message })));
const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const printed = (name: string): string => printLine(golden(name).hex);

describe('a line of the print command', () => {
  it('shows flows in the words of dump-flows', () => {
    expect(printed('ofctl-flow-mod-1')).toBe(
      'OFPT_FLOW_MOD (OF1.3) (xid=0x6): ADD priority=300,tcp,in_port=1,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_dst=4901 cookie:0x5354000001000102 hard:3 send_flow_rem actions=set_field:34->ip_dscp,set_queue:1,goto_table:1',
    );
    expect(printed('ovs-flow-removed-1')).toBe(
      'OFPT_FLOW_REMOVED (OF1.3) (xid=0x0): priority=300,tcp,in_port=1,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_dst=4901 reason=hard table_id=0 cookie:0x5354000001000102 duration=3.453s idle=0 hard=3 n_packets=0 n_bytes=0',
    );
  });

  it('shows counters in the lines of dump-ports', () => {
    expect(printed('ovs-multipart-port-stats-reply-1').split('\n').slice(0, 4)).toEqual([
      'OFPST_PORT reply (OF1.3) (xid=0x2): 3 ports',
      '  port LOCAL: rx pkts=0, bytes=0, drop=0, errs=0, frame=0, over=0, crc=0',
      '           tx pkts=0, bytes=0, drop=0, errs=0, coll=0',
      '           duration=2.247s',
    ]);
    expect(printed('multipart-port-stats-extremes')).toContain('=?,');
  });

  it('shows groups and meters in the words of dump-groups and dump-meters', () => {
    expect(printed('ovs-multipart-group-desc-reply').split('\n')[1]).toBe(
      ' group_id=5,type=ff,bucket=watch_port:1,actions=output:1,bucket=watch_port:2,actions=output:2',
    );
    expect(printed('ovs-multipart-meter-config-reply').split('\n').slice(1)).toEqual([
      'meter=7 kbps burst stats bands=',
      'type=drop rate=20000 burst_size=4000',
    ]);
  });

  it('shows what a bundle carries and what an error is about', () => {
    expect(printed('ofctl-bundle-add-message')).toBe(
      'OFPT_BUNDLE_ADD_MESSAGE (OF1.3) (xid=0x6):\n bundle_id=0x0, flags=0x3\nOFPT_FLOW_MOD (OF1.3) (xid=0x6): ADD table:4 priority=44,in_port=2 actions=output:1',
    );
    expect(printed('ovs-error-1').split('\n')[0]).toMatch(/^OFPT_ERROR .*: OFPET_METER_MOD_FAILED OFPMMFC_/);
  });

  it('shows the properties of everything else by their names', () => {
    expect(printed('ofctl-hello')).toMatch(/^OFPT_HELLO \(OF1\.3\) \(xid=0x\w+\):\n version bitmap: 0x04$/);
    expect(printed('multipart-table-features-reply')).toContain('oxm_ids=[in_port eth_dst/mask ');
    expect(printed('ovs-multipart-desc-reply')).toContain('hw_desc="Open vSwitch"');
  });

  it('keeps a terminal from the text of a switch', () => {
    const message: Message = {
      type: 'multipart_reply',
      xid: 1,
      mp_type: 'desc',
      flags: 0,
      body: {
        mfr_desc: '\u001b[2J\nOFPT_HELLO',
        hw_desc: '\u009b',
        sw_desc: 'ä',
        serial_num: '"',
        dp_desc: '',
      },
    };
    const text = formatMessage(message);
    const [, ...lines] = text.split('\n');
    for (const line of lines) expect(line).toMatch(/^ [\x20-\x7e]*$/);
  });

  it('bounds every line, whatever the message', () => {
    const long = {
      type: 'packet_out',
      xid: 1,
      buffer_id: 0xffffffff,
      in_port: 1,
      data: new Uint8Array(),
    } as const;
    const actions = Array.from({ length: 4000 }, (_, i) => ({ type: 'set_queue', queue_id: i }) as const);
    const text = formatMessage({ ...long, actions });
    expect(text).toHaveLength(4096);
    expect(text).toMatch(/… \d+ characters more$/);
    fc.assert(
      fc.property(versionedMessage, ({ version, message }) => {
        const writer = new SlabWriter();
        encodeMessage(message, writer, version);
        const lines = printLine(toHex(writer.finish())).split('\n');
        expect(lines[0]).toContain(`(OF1.${version === 1 ? 0 : version - 1})`);
        for (const line of lines) {
          if (line.length > 4096) expect.unreachable(`${line.length} characters`);
          if (!/^[\x20-\x7e…]+$/.test(line)) expect.unreachable(JSON.stringify(line));
        }
      }),
      { numRuns: 500 * scale },
    );
  });
});
