"""os-ken as an oracle for our codec: JSON lines in, JSON lines out.

    {"op": "encode", "version": 4, "message": M}             -> {"hex": "..."}   os-ken's bytes for our message M
    {"op": "decode", "version": 4, "hex": "...", "like": M}   -> {"message": N}   what os-ken reads, in the form of M
    either                                                    -> {"error": "..."}

Messages are in the JSON of `steady openflow decode`. `like` says only how values are written (text or number, bytes,
addresses); every value of N is os-ken's. os-ken loops without end on some valid messages, so each question has a
limit of CPU time and the process one of memory.
"""
import inspect
import json
import logging
import resource
import signal
import socket
import struct
import sys

logging.disable(logging.CRITICAL)
MEMORY_BYTES = 1 << 30
SECONDS = 5
resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

from os_ken.ofproto import ofproto_parser, ofproto_protocol  # noqa: E402
import os_ken.ofproto.ofproto_v1_0_parser  # noqa: E402,F401
import os_ken.ofproto.ofproto_v1_3_parser  # noqa: E402,F401
import os_ken.ofproto.ofproto_v1_4_parser  # noqa: E402,F401
import os_ken.ofproto.ofproto_v1_5_parser  # noqa: E402,F401

DATAPATHS = {v: ofproto_protocol.ProtocolDesc(version=v) for v in (1, 4, 5, 6)}
MACS = {'eth_dst', 'eth_src', 'arp_sha', 'arp_tha', 'ipv6_nd_sll', 'ipv6_nd_tll'}
IPV4 = {'ipv4_src', 'ipv4_dst', 'arp_spa', 'arp_tpa'}
IPV6 = {'ipv6_src', 'ipv6_dst', 'ipv6_nd_target'}


class Unsupported(Exception):
    pass


def camel(name):
    return ''.join(part.capitalize() for part in name.split('_'))


def mac_text(hexadecimal):
    return ':'.join(hexadecimal[i:i + 2] for i in range(0, 12, 2))


def from_text(text):
    """Our text keeps bytes that are no UTF-8 as lone surrogates (PEP 383), as Python does."""
    return text.encode('utf-8', 'surrogateescape')


# Our JSON -> os-ken's objects.

def oxm_value(field, value):
    if value is None:
        return None
    if field in MACS:
        return mac_text(value)
    if field in IPV4:
        return socket.inet_ntop(socket.AF_INET, struct.pack('!I', value))
    if field in IPV6:
        return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(value))
    return int(value)


def oxm_pair(item):
    name = item['field']
    if name == 'raw':
        raise Unsupported('raw OXM')
    value = oxm_value(name, item['value'])
    return (name, (value, oxm_value(name, item['mask'])) if 'mask' in item else value)


class Builder:
    def __init__(self, datapath):
        self.dp = datapath
        self.p = datapath.ofproto_parser
        self.o = datapath.ofproto
        self.version = datapath.ofproto.OFP_VERSION

    def cls(self, name):
        found = getattr(self.p, name, None)
        if found is None:
            raise Unsupported('os-ken has no ' + name)
        return found

    def match(self, fields):
        if self.version == 1:
            return self.match10(fields)
        return self.p.OFPMatch(_ordered_fields=[oxm_pair(item) for item in fields])

    def match10(self, m):
        made = self.p.OFPMatch()
        for name, value in m.items():
            setattr(made, name, bytes.fromhex(value) if name in ('dl_src', 'dl_dst') else value)
        return made

    def action(self, a):
        kind = a['type']
        if kind == 'set_field':
            name, value = oxm_pair(a['field'])
            return self.p.OFPActionSetField(**{name: value})
        if kind == 'experimenter':
            data = bytes.fromhex(a['data'])
            if self.version == 1:
                return self.p.OFPActionVendorUnknown(a['experimenter'], data)
            return self.p.OFPActionExperimenterUnknown(a['experimenter'], data)
        if kind == 'raw':
            raise Unsupported('raw action')
        if self.version == 1:
            return self.action10(a)
        return self.make(self.cls('OFPAction' + camel(kind)), a)

    def action10(self, a):
        kind = a['type']
        names = {'set_vlan_vid': 'VlanVid', 'set_vlan_pcp': 'VlanPcp'}
        cls = self.cls('OFPAction' + names.get(kind, camel(kind)))
        args = [v for k, v in a.items() if k not in ('type', 'padding')]
        if kind in ('set_dl_src', 'set_dl_dst'):
            args = [bytes.fromhex(args[0])]
        return cls(*args)

    def instruction(self, i):
        kind = i['type']
        if kind.endswith('_actions'):
            number = getattr(self.o, 'OFPIT_' + kind.upper())
            return self.p.OFPInstructionActions(number, [self.action(a) for a in i.get('actions', [])])
        return self.make(self.cls('OFPInstruction' + camel(kind)), i)

    def bucket(self, b):
        return self.make(self.p.OFPBucket, b, 'bucket')

    def band(self, b):
        if b['type'] == 'experimenter' and b['data'] != '':
            raise Unsupported('data of an experimenter band')
        return self.make(self.cls('OFPMeterBand' + camel(b['type'])), b)

    #: Context -> prefix of the classes of its properties and of the names of their numbers.
    PROPERTIES = {
        'table_mod': ('OFPTableModProp', 'OFPTMPT_'),
        'port_mod': ('OFPPortModProp', 'OFPPMPT_'),
        'set_async': ('OFPAsyncConfigProp', 'OFPACPT_'),
        'bundle': ('OFPBundleProp', 'OFPBPT_'),
        'bucket': ('OFPGroupBucketProp', 'OFPGBPT_'),
        'group_mod': ('OFPGroupProp', 'OFPGPT_'),
        'bundle_features': ('OFPBundleFeaturesProp', 'OFPTMPBF_'),
    }

    def property(self, context, item):
        classes, numbers = self.PROPERTIES[context]
        kind = item['type']
        if kind == 'raw':
            raise Unsupported('raw property')
        if kind.startswith('experimenter'):
            data = bytes.fromhex(item['data'])
            if len(data) % 4:
                raise Unsupported('experimenter data of odd length')
            number = getattr(self.o, numbers + kind.upper())
            words = list(struct.unpack('!%dI' % (len(data) // 4), data))
            return self.cls(classes + 'Experimenter')(number, None, item['experimenter'], item['exp_type'], words)
        number = getattr(self.o, numbers + kind.upper())
        name = 'Reasons' if context == 'set_async' else camel(kind)
        made = self.make(self.cls(classes + name), item, kind)
        made.type = number
        return made

    def table_features(self, t):
        props = [self.table_property(p) for p in t['properties']]
        made = self.make(self.p.OFPTableFeaturesStats, {**t, 'properties': []})
        made.properties = props
        return made

    def table_property(self, item):
        kind = item['type']
        number = getattr(self.o, 'OFPTFPT_' + kind.upper())
        if kind.startswith('next_tables') or kind == 'table_sync_from':
            return self.p.OFPTableFeaturePropNextTables(type_=number, table_ids=item['table_ids'])
        if 'ids' in item:
            which = 'Instruction' if kind.startswith('instructions') else 'Action'
            if any(i['data'] != '' for i in item['ids']):
                raise Unsupported('experimenter id')
            ids = [self.cls('OFP%sId' % which)(i['id']) for i in item['ids']]
            key = which.lower() + '_ids'
            return self.cls('OFPTableFeatureProp%ss' % which)(type_=number, **{key: ids})
        if 'oxm_ids' in item:
            ids = []
            for i in item['oxm_ids']:
                if i['oxm_class'] != 0x8000 or i['oxm_length'] != 0:
                    raise Unsupported('OXM id with a length')
                name, _ = self.o.oxm_to_user(i['oxm_class'] << 7 | i['oxm_field'], None, None)
                ids.append(self.p.OFPOxmId(name, i['has_mask']))
            return self.p.OFPTableFeaturePropOxm(type_=number, oxm_ids=ids)
        raise Unsupported('table property ' + kind)

    def make(self, cls, source, context=None):
        """Calls the constructor with the properties of the same names."""
        kwargs = {}
        for name in inspect.signature(cls.__init__).parameters:
            key = {'type_': 'group_type' if 'group_type' in source else 'control_type'}.get(name, name)
            if name in ('self', 'datapath') or key not in source:
                continue
            kwargs[name] = self.value(key, source[key], context)
        args = [self.dp] if issubclass(cls, self.p.MsgBase) else []
        return cls(*args, **kwargs)

    def value(self, key, value, context):
        if key == 'match':
            return self.match(value)
        if key == 'hw_addr':
            return bytes.fromhex(value) if self.version == 1 else mac_text(value)
        if key in ('data', 'specific_data'):
            return bytes.fromhex(value)
        if key == 'name':
            return from_text(value)
        if key == 'message':
            return self.message(value)
        if key == 'elements':
            return [self.hello_element(e) for e in value]
        if isinstance(value, list) and value and isinstance(value[0], dict):
            if key == 'properties':
                return [self.property(context, item) for item in value]
            each = {'actions': self.action, 'instructions': self.instruction, 'buckets': self.bucket,
                    'bands': self.band}[key]
            return [each(item) for item in value]
        if isinstance(value, str):
            return int(value)
        return value

    def hello_element(self, e):
        if e['type'] == 'raw':
            raise Unsupported('raw hello element')
        versions = [32 * i + bit for i, word in enumerate(e['bitmaps']) for bit in range(32) if word >> bit & 1]
        return self.p.OFPHelloElemVersionBitmap(versions)

    MESSAGES = {'error': 'OFPErrorMsg', 'echo_request': 'OFPEchoRequest', 'echo_reply': 'OFPEchoReply'}

    def message(self, m):
        kind = m['type']
        if kind == 'multipart_request':
            made = self.multipart(m)
        elif kind == 'error':
            data = bytes.fromhex(m['data'])
            if m['error_type'] == 0xffff:
                raise Unsupported('experimenter error')
            made = self.p.OFPErrorMsg(self.dp, m['error_type'], m['error_code'], data)
        elif kind in ('bundle_control', 'bundle_add_message'):
            prefix = 'ONF' if self.version == 4 else 'OFP'
            name = 'BundleCtrlMsg' if kind == 'bundle_control' else 'BundleAddMsg'
            made = self.make(self.cls(prefix + name), m, 'bundle')
        elif kind == 'set_async' and 'packet_in_mask' in m:
            masks = [w for key in ('packet_in_mask', 'port_status_mask', 'flow_removed_mask') for w in m[key]]
            made = self.p.OFPSetAsync(self.dp, masks[0:2], masks[2:4], masks[4:6])
        elif kind == 'experimenter' and self.version == 1:
            made = self.p.OFPVendor(self.dp)
            made.vendor = m['experimenter']
            made.data = bytes.fromhex(m['data'])
        else:
            made = self.make(self.cls(self.MESSAGES.get(kind, 'OFP' + camel(kind))), m, kind)
        made.set_xid(m['xid'])
        return made

    PARTS = {'port_stats': 'Port', 'port': 'Port'}

    def multipart(self, m):
        part = m['mp_type']
        body = m['body'] if isinstance(m['body'], dict) else {}
        if part == 'experimenter':
            if self.version == 1:
                return self.p.OFPVendorStatsRequest(
                    self.dp, m['flags'], body['experimenter'], bytes.fromhex(body['data']))
            return self.p.OFPExperimenterStatsRequest(
                self.dp, m['flags'], body['experimenter'], body['exp_type'], bytes.fromhex(body['data']))
        if part == 'table_features':
            features = [self.table_features(t) for t in m['body']]
            return self.p.OFPTableFeaturesStatsRequest(self.dp, m['flags'], features)
        if part == 'flow_monitor':
            if len(m['body']) != 1:
                raise Unsupported('several monitors in one request')
            entry = m['body'][0]
            return self.make(self.p.OFPFlowMonitorRequest, {
                **entry, 'flags': m['flags'], 'monitor_flags': entry['flags']})
        name = 'OFP%sStatsRequest' % self.PARTS.get(part, camel(part))
        made = self.make(self.cls(name), {**body, 'flags': m['flags']}, part)
        return made


def encode(version, message):
    made = Builder(DATAPATHS[version]).message(message)
    made.serialize()
    return bytes(made.buf).hex()


# os-ken's objects -> our JSON, written as in `like`.

RENAMED = {
    'error_type': 'type', 'error_code': 'code', 'group_type': 'type', 'control_type': 'type',
    'experimenter': 'experimenter', 'bitmaps': '_bitmaps', 'ids': ('instruction_ids', 'action_ids'), 'id': 'type',
}


def attribute(obj, key):
    names = RENAMED.get(key, key)
    for name in (names if isinstance(names, tuple) else (names,)) + (key,):
        if isinstance(obj, dict) and name in obj:
            return obj[name]
        if hasattr(obj, name):
            return getattr(obj, name)
    return '(os-ken has no %s)' % key


def address_hex(text):
    return text.replace(':', '') if isinstance(text, str) else bytes(text).hex()


def oxm_back(field, value):
    if field in MACS:
        return address_hex(value)
    if field in IPV4:
        return struct.unpack('!I', socket.inet_aton(value))[0]
    if field in IPV6:
        return socket.inet_pton(socket.AF_INET6, value).hex()
    if field in ('metadata', 'tunnel_id'):
        return str(value)
    return value


def match_back(theirs):
    fields = []
    for name, value in theirs.items():
        item = {'field': name}
        if isinstance(value, tuple):
            item['value'], item['mask'] = oxm_back(name, value[0]), oxm_back(name, value[1])
        else:
            item['value'] = oxm_back(name, value)
        fields.append(item)
    return fields


def like(ours, theirs, key=''):
    if theirs is None:
        return None if ours != '' else ''
    if key == 'match' and isinstance(ours, list):
        return match_back(theirs)
    if key == 'field' and isinstance(ours, dict):
        return match_back(dict([(theirs.key, theirs.value)]) if hasattr(theirs, 'key') else theirs)[0]
    if isinstance(ours, dict):
        return {k: like(v, attribute(theirs, k), k) for k, v in ours.items() if k not in ('type', 'padding')}
    if isinstance(ours, list):
        items = list(theirs) if isinstance(theirs, (list, tuple)) else [theirs]
        if not ours:
            return ['(os-ken has %d)' % len(items)] if items else []
        samples = ours + [ours[-1]] * (len(items) - len(ours))
        return [like(sample, item, key) for sample, item in zip(samples, items)]
    if isinstance(ours, str) and isinstance(theirs, bool):
        return theirs
    if isinstance(ours, str) and isinstance(theirs, int):
        return str(theirs)
    if isinstance(theirs, (bytes, bytearray)):
        theirs = bytes(theirs)
        if key in TEXTS:
            return theirs.rstrip(b'\0').decode('utf-8', 'surrogateescape')
        return theirs.hex()
    if key in ('hw_addr', 'dl_src', 'dl_dst', 'dl_addr') and isinstance(theirs, str):
        return address_hex(theirs)
    return theirs


TEXTS = {'name', 'mfr_desc', 'hw_desc', 'sw_desc', 'serial_num', 'dp_desc'}


def decode(version, hexadecimal, ours):
    buf = bytes.fromhex(hexadecimal)
    read_version, kind, length, xid = ofproto_parser.header(buf)
    msg = ofproto_parser.msg(DATAPATHS[version], read_version, kind, length, xid, buf)
    if msg is None:
        raise Unsupported('os-ken cannot parse it')
    return like(ours, msg)


def answer(question):
    signal.alarm(SECONDS)
    try:
        if question['op'] == 'encode':
            return {'hex': encode(question['version'], question['message'])}
        return {'message': decode(question['version'], question['hex'], question['like'])}
    except Unsupported as error:
        return {'unsupported': str(error)}
    except Exception as error:  # whatever os-ken raises is its answer
        return {'error': '%s: %s' % (type(error).__name__, error)}
    finally:
        signal.alarm(0)


def late(_signal, _frame):
    raise TimeoutError('no answer after %d s' % SECONDS)


signal.signal(signal.SIGALRM, late)
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line)), default=str), flush=True)
