/** Numbers of OpenFlow 1.0 that differ from those of 1.3 in `constants.ts`; names as in 1.0.0, section 5, with a 10. */

export const OFP_VERSION_10 = 1;

/** ofp_type, where the numbers are others than in 1.3. */
export const OFPT10_PORT_MOD = 15;
export const OFPT10_STATS_REQUEST = 16;
export const OFPT10_STATS_REPLY = 17;
export const OFPT10_BARRIER_REQUEST = 18;
export const OFPT10_BARRIER_REPLY = 19;
export const OFPT10_QUEUE_GET_CONFIG_REQUEST = 20;
export const OFPT10_QUEUE_GET_CONFIG_REPLY = 21;

/** ofp_port: 16 bits; those from OFPP10_IN_PORT on are reserved, and 32-bit ports have the same above 0xffff0000. */
export const OFPP10_MAX = 0xff00;
export const OFPP10_IN_PORT = 0xfff8;
export const OFPP10_TABLE = 0xfff9;
export const OFPP10_NORMAL = 0xfffa;
export const OFPP10_FLOOD = 0xfffb;
export const OFPP10_ALL = 0xfffc;
export const OFPP10_CONTROLLER = 0xfffd;
export const OFPP10_LOCAL = 0xfffe;
export const OFPP10_NONE = 0xffff;

/** ofp_flow_wildcards: a set bit leaves the field open; addresses have a count of open low bits, 32 or more is all. */
export const OFPFW10_IN_PORT = 1 << 0;
export const OFPFW10_DL_VLAN = 1 << 1;
export const OFPFW10_DL_SRC = 1 << 2;
export const OFPFW10_DL_DST = 1 << 3;
export const OFPFW10_DL_TYPE = 1 << 4;
export const OFPFW10_NW_PROTO = 1 << 5;
export const OFPFW10_TP_SRC = 1 << 6;
export const OFPFW10_TP_DST = 1 << 7;
export const OFPFW10_NW_SRC_SHIFT = 8;
export const OFPFW10_NW_DST_SHIFT = 14;
export const OFPFW10_NW_BITS = 6;
export const OFPFW10_DL_VLAN_PCP = 1 << 20;
export const OFPFW10_NW_TOS = 1 << 21;
export const OFPFW10_ALL = (1 << 22) - 1;

/** `dl_vlan` of frames without a tag. */
export const OFP10_VLAN_NONE = 0xffff;

/** ofp_flow_mod_flags: the third bit, which 1.3 gave to reset_counts. */
export const OFPFF10_EMERG = 1 << 2;
