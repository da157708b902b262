/** Numbers and layouts of 64-bit Linux: what the headers of the C library define. */
import { arch } from 'node:os';

export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

export const MSG_DONTWAIT = 0x40;
export const MSG_ERRQUEUE = 0x2000;
export const MSG_TRUNC = 0x20;

export const SOL_SOCKET = 1;
export const SOL_IP = 0;
export const SOL_UDP = 17;
export const SOL_IPV6 = 41;

export const SO_ERROR = 4;
export const SO_MEMINFO = 55;
/** Where SO_MEMINFO's answer has the bytes that wait to be read, the room for them, and the packets that found none. */
export const MEMINFO_RECEIVE_QUEUED = 0;
export const MEMINFO_RECEIVE_BUFFER = 1;
export const MEMINFO_DROPS = 8;
export const MEMINFO_LENGTH = 9;

export const IP_TOS = 1;
export const IP_TTL = 2;
export const IP_RECVERR = 11;
export const IPV6_RECVERR = 25;
export const IPV6_HOPLIMIT = 52;
export const IPV6_TCLASS = 67;
export const UDP_SEGMENT = 103;

export const EPOLL_CLOEXEC = 0o2000000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLLIN = 0x1;
export const EPOLLERR = 0x8;

export const EFD_NONBLOCK = 0o4000;
export const EFD_CLOEXEC = 0o2000000;

export const Errno = {
  EPERM: 1,
  EINTR: 4,
  EIO: 5,
  EAGAIN: 11,
  EACCES: 13,
  EINVAL: 22,
  EMFILE: 24,
  ENONET: 64,
  EMSGSIZE: 90,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENOBUFS: 105,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
  EPROTO: 71,
  EOPNOTSUPP: 95,
  ENOPROTOOPT: 92,
} as const;

/** struct sockaddr_in6, the larger of the two; each slot has some room more, for alignment. */
export const SOCKADDR_SLOT = 32;
export const SOCKADDR_IN_LENGTH = 16;
export const SOCKADDR_IN6_LENGTH = 28;
export const Sockaddr = { family: 0, port: 2, ipv4: 4, ipv6: 8, scope: 24 } as const;

/** struct iovec */
export const IOVEC_LENGTH = 16;
/** struct mmsghdr: a struct msghdr and the length of the message. */
export const MMSGHDR_LENGTH = 64;
export const Mmsghdr = {
  name: 0,
  nameLength: 8,
  iov: 16,
  iovCount: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
  length: 56,
};
/** struct cmsghdr: length, level and type in front of the data; the next one starts at a multiple of 8. */
export const CMSG_HEADER = 16;
export const Cmsghdr = { length: 0, level: 8, type: 12, data: CMSG_HEADER } as const;

/** struct sock_extended_err */
export const SO_EE_ORIGIN_ICMP = 2;
export const SO_EE_ORIGIN_ICMP6 = 3;
export const ExtendedError = { errno: 0, origin: 4, type: 5, code: 6, info: 8 } as const;

/** struct epoll_event, which is packed on x86-64 alone. */
const packed = arch() === 'x64';
export const EPOLL_EVENT_LENGTH = packed ? 12 : 16;
export const EpollEvent = { events: 0, data: packed ? 4 : 8 } as const;
