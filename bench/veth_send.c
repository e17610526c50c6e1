/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Sends UDP packets on an interface, as fast as possible or at a given rate.
 * usage: veth_send INTERFACE SECONDS PACKETS_A_SECOND FLOWS BYTES
 * Prints the number of packets that the interface took, and the seconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH    64
#define MAX_SIZE 1500

static double now(void)
{
   struct timespec t;
   clock_gettime(CLOCK_MONOTONIC, &t);
   return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void put16(uint8_t *p, unsigned v)
{
   p[0] = (uint8_t) (v >> 8);
   p[1] = (uint8_t) v;
}

/* Ethernet, IPv4 10.x.x.x to 192.0.2.1, UDP. The checksum of IP is left out: nobody looks at it. */
static void make(uint8_t *p, unsigned size, unsigned flow)
{
   static const uint8_t head[] = {2, 0,    0, 0, 0, 2, 2, 0, 0, 0,  0,  1, 8,
                                  0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0};
   memset(p, 0, size);
   memcpy(p, head, sizeof(head));
   put16(p + 16, size - 14);
   p[26] = 10;
   p[27] = (uint8_t) (flow >> 16);
   put16(p + 28, flow);
   memcpy(p + 30, (const uint8_t[]){192, 0, 2, 1}, 4);
   put16(p + 34, 1024 + flow % 60000);
   put16(p + 36, 9);
   put16(p + 38, size - 34);
}

int main(int argc, char **argv)
{
   if (argc != 6) {
      fputs("usage: veth_send INTERFACE SECONDS PACKETS_A_SECOND FLOWS BYTES\n", stderr);
      return 2;
   }
   double seconds = atof(argv[2]), rate = atof(argv[3]);
   unsigned flows = (unsigned) atoi(argv[4]), size = (unsigned) atoi(argv[5]), flow = 0, one = 1;
   int fd = socket(AF_PACKET, SOCK_RAW, 0);
   struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int) if_nametoindex(argv[1])};
   static uint8_t data[BATCH][MAX_SIZE];
   struct iovec io[BATCH];
   struct mmsghdr messages[BATCH] = {0};
   if (fd < 0 || bind(fd, (struct sockaddr *) &to, sizeof(to)) != 0 || size < 60 || size > MAX_SIZE ||
       flows == 0) {
      fprintf(stderr, "veth_send: %s: %s\n", argv[1], strerror(errno));
      return 1;
   }
   setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
   for (unsigned i = 0; i < BATCH; i++) {
      make(data[i], size, 0);
      io[i] = (struct iovec){data[i], size};
      messages[i].msg_hdr.msg_iov = &io[i];
      messages[i].msg_hdr.msg_iovlen = 1;
   }
   double begin = now(), end = begin + seconds, t = begin;
   uint64_t sent = 0;
   while ((t = now()) < end) {
      if (rate > 0 && (double) sent > (t - begin) * rate) {
         continue; /* not yet: sleeping would make bursts */
      }
      for (unsigned i = 0; i < BATCH; i++) {
         flow = flow + 1 < flows ? flow + 1 : 0;
         data[i][27] = (uint8_t) (flow >> 16);
         put16(data[i] + 28, flow);
         put16(data[i] + 34, 1024 + flow % 60000);
      }
      int n = sendmmsg(fd, messages, BATCH, 0);
      sent += n > 0 ? (unsigned) n : 0;
   }
   printf("%llu %.3f\n", (unsigned long long) sent, t - begin);
   return 0;
}
