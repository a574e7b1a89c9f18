/* Both ends of many G.711 calls through an RTP relay: 50 packets a second from each end, timed on their way.
 *
 *   rtp_load CALLS SECONDS [HOST]
 *
 * It binds two sockets for each call and prints their ports on one line. Then it reads as many ports of the relay, one
 * for each socket in the same order, sends there for SECONDS, after one more second that is not counted, and prints
 * what came of it as a line of JSON. Each payload carries the moment of its sending (CLOCK_MONOTONIC); a packet that
 * arrives is checked to have come from the other end of its call.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { HEADER = 12, PACKET = 172, FRAME_NS = 20000000, LATE_MAX = 512, BUCKETS = 100000, BUCKET_NS = 10000 };

struct end {
    int fd;
    uint16_t sequence;
    uint32_t timestamp;
};

struct result {
    long sent, refused, received, strange;
    uint32_t delays[BUCKETS]; /* number of packets by delay, in steps of BUCKET_NS; the last takes the rest */
};

static struct end *ends;
static int count;
static struct result tally;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void open_ends(int poll, const char *host)
{
    int bytes = 1 << 20;
    for (int i = 0; i < count; i++) {
        struct sockaddr_in here = {.sin_family = AF_INET};
        socklen_t size = sizeof here;
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        inet_pton(AF_INET, host, &here.sin_addr);
        ends[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (ends[i].fd < 0 || bind(ends[i].fd, (struct sockaddr *)&here, size)) die("socket");
        setsockopt(ends[i].fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
        getsockname(ends[i].fd, (struct sockaddr *)&here, &size);
        if (epoll_ctl(poll, EPOLL_CTL_ADD, ends[i].fd, &event)) die("epoll_ctl");
        printf("%d%c", ntohs(here.sin_port), i + 1 == count ? '\n' : ' ');
    }
    fflush(stdout);
}

static void connect_ends(const char *host)
{
    for (int i = 0; i < count; i++) {
        struct sockaddr_in relay = {.sin_family = AF_INET};
        int port;
        if (scanf("%d", &port) != 1) exit(2);
        relay.sin_port = htons(port);
        inet_pton(AF_INET, host, &relay.sin_addr);
        if (connect(ends[i].fd, (struct sockaddr *)&relay, sizeof relay)) die("connect");
    }
}

static void send_one(int i)
{
    static uint8_t packet[PACKET] = {0x80, 8};
    struct end *end = &ends[i];
    uint16_t sequence = htons(end->sequence++);
    uint32_t timestamp = htonl(end->timestamp), ssrc = htonl(i + 1);
    int64_t at = now_ns();
    end->timestamp += 160;
    memcpy(packet + 2, &sequence, 2);
    memcpy(packet + 4, &timestamp, 4);
    memcpy(packet + 8, &ssrc, 4);
    memcpy(packet + HEADER, &at, sizeof at);
    if (send(end->fd, packet, PACKET, 0) == PACKET) tally.sent++;
    else tally.refused++;
}

static void receive_all(int poll)
{
    struct epoll_event ready[256];
    uint8_t packet[2048];
    int n = epoll_wait(poll, ready, 256, 0);
    for (int k = 0; k < n; k++) {
        uint32_t i = ready[k].data.u32, ssrc;
        ssize_t size;
        while ((size = recv(ends[i].fd, packet, sizeof packet, 0)) > 0) {
            int64_t at, slot;
            memcpy(&ssrc, packet + 8, 4);
            if (size != PACKET || ntohl(ssrc) != (i ^ 1) + 1) {
                tally.strange++;
                continue;
            }
            memcpy(&at, packet + HEADER, sizeof at);
            slot = (now_ns() - at) / BUCKET_NS;
            tally.delays[slot < BUCKETS ? slot : BUCKETS - 1]++;
            tally.received++;
        }
    }
}

static double delay_ms(double share)
{
    long wanted = share * tally.received, seen = 0;
    for (int i = 0; i < BUCKETS; i++)
        if ((seen += tally.delays[i]) > wanted) return (i + 1) * (double)BUCKET_NS / 1e6;
    return BUCKETS * (double)BUCKET_NS / 1e6;
}

int main(int argc, char **argv)
{
    const char *host = argc > 3 ? argv[3] : "127.0.0.1";
    struct rlimit files = {65536, 65536};
    struct timespec nap = {0, 100000};
    int64_t began, counted_from, end, turn = 0; /* turn: packets sent since *began*; each end has one a frame */
    int poll = epoll_create1(0), counting = 0;
    if (argc < 3) return 2;
    count = 2 * atoi(argv[1]);
    ends = calloc(count, sizeof *ends);
    setrlimit(RLIMIT_NOFILE, &files);
    open_ends(poll, host);
    connect_ends(host);
    began = now_ns();
    counted_from = began + 1000000000;
    end = counted_from + atof(argv[2]) * 1e9;
    for (int64_t now = began; now < end; now = now_ns()) {
        int64_t due = (now - began) / (FRAME_NS / (double)count);
        if (!counting && now >= counted_from) {
            receive_all(poll);
            memset(&tally, 0, sizeof tally);
            counting = 1;
        }
        for (int k = 0; turn < due && k < LATE_MAX; k++) send_one(turn++ % count);
        receive_all(poll);
        if (turn >= due) nanosleep(&nap, NULL);
    }
    for (int64_t last = now_ns() + 500000000; now_ns() < last; nanosleep(&nap, NULL)) receive_all(poll);
    printf("{\"sent\": %ld, \"refused\": %ld, \"received\": %ld, \"strange\": %ld, \"p50_ms\": %.2f, \"p99_ms\": %.2f, "
           "\"max_ms\": %.2f}\n",
           tally.sent, tally.refused, tally.received, tally.strange, delay_ms(0.5), delay_ms(0.99), delay_ms(0.999999));
    return 0;
}
