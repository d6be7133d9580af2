"""What os-ken needs for the same codec work: seconds of processor time on standard output, as one JSON object.

    os_ken_codec.py COUNT < REPLIES     encodes COUNT flow_mods, then decodes the multipart replies of standard input
"""
import json
import struct
import sys
import time

from os_ken.ofproto import ofproto_v1_3, ofproto_v1_3_parser as parser
from os_ken.ofproto.ofproto_protocol import ProtocolDesc

datapath = ProtocolDesc(version=ofproto_v1_3.OFP_VERSION)


def flow_mod(i):
    match = parser.OFPMatch(eth_type=0x0800, ip_proto=17, ipv4_dst=('10.0.0.0', '255.255.255.0'), udp_dst=i & 0xffff)
    actions = [parser.OFPActionOutput(2, 0)]
    instructions = [parser.OFPInstructionActions(ofproto_v1_3.OFPIT_APPLY_ACTIONS, actions)]
    message = parser.OFPFlowMod(datapath=datapath, cookie=i, priority=100, out_port=ofproto_v1_3.OFPP_ANY,
                                out_group=ofproto_v1_3.OFPG_ANY, match=match, instructions=instructions)
    message.set_xid(i)
    message.serialize()
    return message


count = int(sys.argv[1])
start = time.process_time()
for number in range(count):
    last = flow_mod(number)
encode = time.process_time() - start
start = time.process_time()
for number in range(count):
    last.serialize()
serialize = time.process_time() - start

data = sys.stdin.buffer.read()
packets = octets = entries = at = 0
start = time.process_time()
while at < len(data):
    version, kind, length, xid = struct.unpack_from('!BBHI', data, at)
    reply = parser.msg_parser(datapath, version, kind, length, xid, data[at:at + length])
    for entry in reply.body:
        packets += entry.packet_count
        octets += entry.byte_count
        entries += 1
    at += length
decode = time.process_time() - start
print(json.dumps({'encodeSeconds': encode, 'serializeSeconds': serialize, 'encoded': bytes(last.buf).hex(), 'decodeSeconds': decode, 'entries': entries,
                  'packets': packets, 'bytes': octets}))
