/*
 * The least that a relay can do with the calls of the batch plane: epoll, recvmmsg, sendmmsg, UDP_SEGMENT, and TTL and TOS
 * passed on. What it costs for each packet is what the system costs; what a server costs more is its own.
 *
 * It speaks as much STUN as setting up takes: an Allocate gets a relay socket, a ChannelBind sets the one channel, nobody is
 * asked who he is, and nothing ever expires. None of that is on the way of a packet.
 *
 *     bare-relay ADDRESS PORT        IPv4 alone; prints "ready" when it serves
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum {
    SLOTS = 256,        /* packets taken in before what came of them is sent */
    BATCH = 64,         /* packets of one call */
    CLIENT_CALLS = 8,   /* calls in one turn; a relay socket has one */
    EVENTS = 256,
    HEADROOM = 64,      /* for the ChannelData header that goes in front */
    SLOT_BYTES = 2048 + HEADROOM,
    CONTROL_BYTES = 64,
    MOST_SEGMENTS = 64,
    MOST_BYTES = 60000,
    LARGEST_SEGMENT = 1452,
    CLIENTS = 1 << 16,  /* places in the table of clients */
    DESCRIPTORS = 1 << 16
};

static const uint32_t COOKIE = 0x2112a442;
static const int CHANNEL_HEADER = 4;

/* What waits to leave through one socket, as a list of entries. */
struct socket {
    int descriptor, first, last, listed;
};

struct client {
    struct sockaddr_in address, peer;
    uint16_t channel;
    struct socket relay;
};

/* A packet that waits to leave. */
struct entry {
    int next, ttl, tos;
    uint8_t *bytes;
    uint16_t length;
    struct sockaddr_in to;
};

static uint8_t slots[SLOTS][SLOT_BYTES];
static struct mmsghdr received[SLOTS];
static struct iovec received_iovecs[SLOTS];
static struct sockaddr_in sources[SLOTS];
static uint8_t received_controls[SLOTS][CONTROL_BYTES] __attribute__((aligned(8)));
static int used_slots;

static struct entry entries[SLOTS];
static struct socket *waiting[SLOTS];
static int used_entries, used_waiting;

static struct mmsghdr messages[SLOTS];
static struct iovec iovecs[SLOTS];
static uint8_t controls[SLOTS][3 * CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));

static struct client *clients[CLIENTS];
static struct client *relays[DESCRIPTORS];
static struct socket listener;
static struct sockaddr_in local;
static int poller;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int open_socket(struct sockaddr_in *address, int buffer)
{
    int on = 1;
    socklen_t length = sizeof *address;
    struct epoll_event event = {.events = EPOLLIN};
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0 || descriptor >= DESCRIPTORS) die("socket");
    setsockopt(descriptor, SOL_IP, IP_RECVTTL, &on, sizeof on);
    setsockopt(descriptor, SOL_IP, IP_RECVTOS, &on, sizeof on);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (bind(descriptor, (struct sockaddr *)address, sizeof *address) < 0) die("bind");
    getsockname(descriptor, (struct sockaddr *)address, &length);
    event.data.fd = descriptor;
    if (epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) < 0) die("epoll_ctl");
    return descriptor;
}

/* ---- sending ---- */

static void enqueue(struct socket *through, uint8_t *bytes, int length, const struct sockaddr_in *to, int ttl, int tos)
{
    int number = used_entries++;
    entries[number] = (struct entry){-1, ttl, tos, bytes, (uint16_t)length, *to};
    if (through->first < 0) through->first = number;
    else entries[through->last].next = number;
    through->last = number;
    if (!through->listed) {
        through->listed = 1;
        waiting[used_waiting++] = through;
    }
}

static int same_way(const struct entry *a, const struct entry *b)
{
    return a->to.sin_port == b->to.sin_port && a->to.sin_addr.s_addr == b->to.sin_addr.s_addr && a->ttl == b->ttl &&
           a->tos == b->tos;
}

static struct cmsghdr *add_field(struct cmsghdr *field, int level, int type, int value, size_t length)
{
    field->cmsg_level = level;
    field->cmsg_type = type;
    field->cmsg_len = CMSG_LEN(length);
    memcpy(CMSG_DATA(field), &value, length); /* little-endian: a short is the front of an int */
    return (struct cmsghdr *)((uint8_t *)field + CMSG_SPACE(length));
}

/* Sends what waits at a socket; packets of one size to one address leave as one. */
static void flush(struct socket *through)
{
    int count = 0, used = 0, sent = 0;
    for (int number = through->first; number >= 0; count++) {
        struct entry *first = &entries[number];
        struct msghdr *header = &messages[count].msg_hdr;
        int total = first->length, begin = used;
        iovecs[used++] = (struct iovec){first->bytes, first->length};
        number = first->next;
        while (first->length <= LARGEST_SEGMENT && first->length > 0 && number >= 0 && used - begin < MOST_SEGMENTS) {
            struct entry *next = &entries[number];
            if (next->length > first->length || total + next->length > MOST_BYTES || !same_way(first, next)) break;
            iovecs[used++] = (struct iovec){next->bytes, next->length};
            total += next->length;
            number = next->next;
            if (next->length < first->length) break;
        }
        struct cmsghdr *field = (struct cmsghdr *)controls[count];
        field = add_field(field, SOL_IP, IP_TTL, first->ttl, sizeof(int));
        field = add_field(field, SOL_IP, IP_TOS, first->tos, sizeof(int));
        if (used - begin > 1) field = add_field(field, SOL_UDP, UDP_SEGMENT, first->length, sizeof(uint16_t));
        *header = (struct msghdr){
            .msg_name = &first->to,
            .msg_namelen = sizeof first->to,
            .msg_iov = &iovecs[begin],
            .msg_iovlen = (size_t)(used - begin),
            .msg_control = controls[count],
            .msg_controllen = (size_t)((uint8_t *)field - controls[count]),
        };
    }
    while (sent < count) {
        int now = sendmmsg(through->descriptor, messages + sent, (unsigned)(count - sent), MSG_DONTWAIT);
        if (now > 0) sent += now;
        else if (errno == EAGAIN || errno == ENOBUFS) break;
        else if (errno != EINTR) sent++;
    }
    through->first = -1;
    through->listed = 0;
}

static void flush_all(void)
{
    for (int i = 0; i < used_waiting; i++) flush(waiting[i]);
    used_waiting = used_entries = used_slots = 0;
}

/* ---- setting up ---- */

static struct client **place_of(const struct sockaddr_in *address)
{
    uint32_t hash = (address->sin_addr.s_addr ^ (uint32_t)address->sin_port * 2654435761u) * 2246822519u;
    for (uint32_t i = hash >> 16;; i = (i + 1) % CLIENTS) {
        struct client *there = clients[i];
        if (!there || (there->address.sin_port == address->sin_port &&
                       there->address.sin_addr.s_addr == address->sin_addr.s_addr))
            return &clients[i];
    }
}

static uint16_t get16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }

static uint8_t *put16(uint8_t *at, int value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value) { return put16(put16(at, (int)(value >> 16)), (int)(value & 0xffff)); }

static uint8_t *put_address(uint8_t *at, int type, const struct sockaddr_in *address)
{
    at = put16(put16(put16(put16(at, type), 8), 1), ntohs(address->sin_port) ^ (int)(COOKIE >> 16));
    return put32(at, ntohl(address->sin_addr.s_addr) ^ COOKIE);
}

static void allocate(struct client **place, const struct sockaddr_in *from)
{
    struct sockaddr_in relayed = local;
    struct client *client = calloc(1, sizeof *client);
    if (!client) die("calloc");
    relayed.sin_port = 0;
    client->address = *from;
    client->relay = (struct socket){open_socket(&relayed, 1 << 20), -1, -1, 0};
    relays[client->relay.descriptor] = client;
    *place = client;
}

/* Answers a request with success, whatever it is (RFC 8489 section 5, RFC 8656 section 18). */
static void answer(const uint8_t *request, int length, const struct sockaddr_in *from)
{
    uint8_t response[128], *end = response + 20;
    struct client **place = place_of(from);
    int type = get16(request);
    if (type == 0x0003) {
        struct sockaddr_in relayed;
        socklen_t size = sizeof relayed;
        if (!*place) allocate(place, from);
        getsockname((*place)->relay.descriptor, (struct sockaddr *)&relayed, &size);
        end = put_address(end, 0x0016, &relayed);
        end = put_address(end, 0x0020, from);
    }
    if (!*place) return;
    if (type == 0x0009) {
        for (int at = 20; at + 8 <= length; at += 4 + ((get16(request + at + 2) + 3) & ~3)) {
            const uint8_t *value = request + at + 4;
            if (get16(request + at) == 0x000c) (*place)->channel = get16(value);
            if (get16(request + at) == 0x0012 && at + 12 <= length) {
                struct sockaddr_in *peer = &(*place)->peer;
                uint32_t word = (uint32_t)get16(value + 4) << 16 | get16(value + 6);
                peer->sin_family = AF_INET;
                peer->sin_port = htons((uint16_t)(get16(value + 2) ^ (COOKIE >> 16)));
                peer->sin_addr.s_addr = htonl(word ^ COOKIE);
            }
        }
    }
    end = put32(put16(put16(end, 0x000d), 4), 600);
    put16(put16(response, type | 0x0100), (int)(end - response - 20));
    memcpy(response + 4, request + 4, 16);
    sendto(listener.descriptor, response, (size_t)(end - response), 0, (const struct sockaddr *)from, sizeof *from);
}

/* ---- receiving ---- */

static void read_fields(struct msghdr *header, int *ttl, int *tos)
{
    for (struct cmsghdr *field = CMSG_FIRSTHDR(header); field; field = CMSG_NXTHDR(header, field)) {
        if (field->cmsg_type == IP_TTL) memcpy(ttl, CMSG_DATA(field), sizeof *ttl);
        if (field->cmsg_type == IP_TOS) *tos = *CMSG_DATA(field);
    }
}

static void from_client(uint8_t *bytes, int length, const struct sockaddr_in *from, int ttl, int tos)
{
    if (length >= 20 && bytes[0] < 0x40) {
        answer(bytes, length, from);
        return;
    }
    struct client *client = *place_of(from);
    int data = length < CHANNEL_HEADER ? -1 : get16(bytes + 2);
    if (!client || data < 0 || data > length - CHANNEL_HEADER || get16(bytes) != client->channel) return;
    enqueue(&client->relay, bytes + CHANNEL_HEADER, data, &client->peer, ttl - 1, tos);
}

static void from_peer(struct client *client, uint8_t *bytes, int length, const struct sockaddr_in *from, int ttl, int tos)
{
    if (from->sin_port != client->peer.sin_port || from->sin_addr.s_addr != client->peer.sin_addr.s_addr) return;
    put16(put16(bytes - CHANNEL_HEADER, client->channel), length);
    enqueue(&listener, bytes - CHANNEL_HEADER, length + CHANNEL_HEADER, &client->address, ttl - 1, tos);
}

static void receive(int descriptor, int calls)
{
    struct client *client = relays[descriptor];
    for (int count = BATCH; calls > 0 && count == BATCH; calls--) {
        if (SLOTS - used_slots < BATCH) flush_all();
        int first = used_slots;
        for (int slot = first; slot < first + BATCH; slot++) {
            received[slot].msg_hdr.msg_namelen = sizeof(struct sockaddr_in);
            received[slot].msg_hdr.msg_controllen = CONTROL_BYTES;
        }
        count = recvmmsg(descriptor, received + first, BATCH, MSG_DONTWAIT, NULL);
        for (int slot = first; slot < first + count; slot++) {
            int ttl = 64, tos = 0, length = (int)received[slot].msg_len;
            uint8_t *bytes = slots[slot] + HEADROOM;
            read_fields(&received[slot].msg_hdr, &ttl, &tos);
            if (client) from_peer(client, bytes, length, &sources[slot], ttl, tos);
            else from_client(bytes, length, &sources[slot], ttl, tos);
        }
        if (count > 0) used_slots += count;
    }
}

int main(int count, char **arguments)
{
    struct epoll_event events[EVENTS];
    if (count != 3) {
        fprintf(stderr, "usage: bare-relay ADDRESS PORT\n");
        return 64;
    }
    local.sin_family = AF_INET;
    local.sin_port = htons((uint16_t)atoi(arguments[2]));
    if (inet_pton(AF_INET, arguments[1], &local.sin_addr) != 1) die("address");
    for (int slot = 0; slot < SLOTS; slot++) {
        received_iovecs[slot] = (struct iovec){slots[slot] + HEADROOM, SLOT_BYTES - HEADROOM};
        received[slot].msg_hdr = (struct msghdr){
            .msg_name = &sources[slot],
            .msg_iov = &received_iovecs[slot],
            .msg_iovlen = 1,
            .msg_control = received_controls[slot],
        };
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    listener = (struct socket){open_socket(&local, 4 << 20), -1, -1, 0};
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < ready; i++)
            receive(events[i].data.fd, events[i].data.fd == listener.descriptor ? CLIENT_CALLS : 1);
        flush_all();
    }
}
