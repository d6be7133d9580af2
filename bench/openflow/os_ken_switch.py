"""The learning switch of the comparison on os-ken: one flow_mod with the buffer id for a known destination, else a flood.

Run by osken-manager. os-ken's own samples are not in Debian's package; this is the shortest program that does the same
work as the others: learn the source, look up the destination, answer.
"""
from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.ofproto import ofproto_v1_0, ofproto_v1_3


def mac(raw):
    return ':'.join('%02x' % byte for byte in raw)


class LearningSwitch(app_manager.OSKenApp):
    OFP_VERSIONS = [ofproto_v1_0.OFP_VERSION, ofproto_v1_3.OFP_VERSION]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ports = {}

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def features(self, ev):
        datapath = ev.msg.datapath
        if datapath.ofproto.OFP_VERSION == ofproto_v1_0.OFP_VERSION:
            return
        parser, ofproto = datapath.ofproto_parser, datapath.ofproto
        actions = [parser.OFPActionOutput(ofproto.OFPP_CONTROLLER, 128)]
        instructions = [parser.OFPInstructionActions(ofproto.OFPIT_APPLY_ACTIONS, actions)]
        datapath.send_msg(parser.OFPFlowMod(datapath=datapath, priority=0, match=parser.OFPMatch(),
                                            instructions=instructions))

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def packet_in(self, ev):
        msg = ev.msg
        datapath = msg.datapath
        parser, ofproto = datapath.ofproto_parser, datapath.ofproto
        old = ofproto.OFP_VERSION == ofproto_v1_0.OFP_VERSION
        in_port = msg.in_port if old else msg.match['in_port']
        destination, source = msg.data[0:6], msg.data[6:12]
        ports = self.ports.setdefault(datapath.id, {})
        ports[source] = in_port
        port = ports.get(destination)
        if port is None:
            actions = [parser.OFPActionOutput(ofproto.OFPP_FLOOD)]
            datapath.send_msg(parser.OFPPacketOut(datapath=datapath, buffer_id=msg.buffer_id, in_port=in_port,
                                                  actions=actions, data=None))
            return
        actions = [parser.OFPActionOutput(port)]
        if old:
            match = parser.OFPMatch(in_port=in_port, dl_dst=mac(destination), dl_src=mac(source))
            datapath.send_msg(parser.OFPFlowMod(datapath=datapath, match=match, cookie=0,
                                                command=ofproto.OFPFC_ADD, idle_timeout=60, hard_timeout=0, priority=1,
                                                buffer_id=msg.buffer_id, actions=actions))
            return
        match = parser.OFPMatch(in_port=in_port, eth_dst=mac(destination), eth_src=mac(source))
        instructions = [parser.OFPInstructionActions(ofproto.OFPIT_APPLY_ACTIONS, actions)]
        datapath.send_msg(parser.OFPFlowMod(datapath=datapath, match=match, idle_timeout=60, priority=1,
                                            buffer_id=msg.buffer_id, instructions=instructions))
