/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_peer.h"

#include <linux/tcp.h> /* newer than netinet/tcp.h */
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#define LOOKS 60 /* in a timeout */

bool tcp_peer_judge(struct tcp_peer *p, const struct tcp_progress *progress, uint64_t now, uint64_t timeout)
{
   if (progress->unacked == 0) {
      p->since = 0;
   } else if (p->since == 0 || progress->acked != p->acked) {
      p->since = now;
   }
   p->acked = progress->acked;
   return p->since != 0 && now - p->since >= timeout;
}

bool tcp_peer_is_dead(struct tcp_peer *p, int fd, uint64_t now, uint64_t timeout)
{
   struct tcp_info info;
   socklen_t size = sizeof(info);
   if (now < p->next) {
      return false;
   }
   p->next = now + timeout / LOOKS;
   if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
       size < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof(info.tcpi_bytes_acked)) {
      return false; /* a kernel before 4.2 */
   }
   const struct tcp_progress progress = {.acked = info.tcpi_bytes_acked, .unacked = info.tcpi_unacked};
   return tcp_peer_judge(p, &progress, now, timeout);
}
