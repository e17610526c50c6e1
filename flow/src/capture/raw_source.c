/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Live capture through AF_PACKET: the kernel fills blocks of a ring with packets (TPACKET_V3, packet_mmap of the kernel's
 * documentation), which are read in place and returned to the kernel a block at a time.
 */
#include "capture_file.h"
#include "source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS       200 /* after which a read returns without packets */
#define BLOCK_MS      50  /* after which the kernel hands over a block that is not full */
#define FRAME         2048
#define VLAN_TAG      4
#define STATISTICS_AT 64 /* blocks between queries of the drop counter */
#define MAX_RING      (UINT64_C(1) << 32)

struct raw_source {
   struct source source;
   const char *interface;
   int fd;
   uint8_t *ring;
   size_t block_size;
   unsigned blocks, block; /* number of the block being read */
   unsigned asked;
   uint16_t link;
   bool loopback; /* shows each packet when it is sent and when it is received */
   /* Within the block: what is left to read. It is given back when the next read begins. */
   struct tpacket3_hdr *next;
   uint32_t left;
   bool open;
};

static struct tpacket_block_desc *block_of(const struct raw_source *r)
{
   return (struct tpacket_block_desc *) (void *) (r->ring + r->block * r->block_size);
}

/* The kernel resets the counter with each query. */
static void ask_for_drops(struct raw_source *r)
{
   struct tpacket_stats_v3 st;
   socklen_t size = sizeof(st);
   if (getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &st, &size) == 0) {
      r->source.dropped += st.tp_drops;
   }
}

static void give_back(struct raw_source *r)
{
   __atomic_store_n(&block_of(r)->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
   r->block = (r->block + 1) % r->blocks;
   r->open = false;
   if (++r->asked % STATISTICS_AT == 0) {
      ask_for_drops(r);
   }
}

static bool is_full(const struct raw_source *r)
{
   return (__atomic_load_n(&block_of(r)->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) != 0;
}

/* The network card has taken the tag out of the frame: the addresses move to make room for it. */
static uint8_t *restore_tag(const struct tpacket3_hdr *h, uint8_t *data)
{
   uint16_t type = htons((h->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? h->hv1.tp_vlan_tpid : ETH_P_8021Q),
            tci = htons((uint16_t) h->hv1.tp_vlan_tci);
   memmove(data - VLAN_TAG, data, 2 * ETH_ALEN);
   data -= VLAN_TAG;
   memcpy(data + 2 * ETH_ALEN, &type, sizeof(type));
   memcpy(data + 2 * ETH_ALEN + 2, &tci, sizeof(tci));
   return data;
}

/* \return false: not a packet of its own */
static bool take(struct raw_source *r, struct raw_packet *packet)
{
   struct tpacket3_hdr *h = r->next;
   const struct sockaddr_ll *address = (const void *) ((const uint8_t *) h + TPACKET_ALIGN(sizeof(*h)));
   uint8_t *data = (uint8_t *) h + h->tp_mac;
   *packet = (struct raw_packet){.data = data,
                                 .time = (uint64_t) h->tp_sec * 1000000000u + h->tp_nsec,
                                 .captured = h->tp_snaplen,
                                 .wire = h->tp_len,
                                 .link = r->link};
   if (r->link == LINK_ETHERNET && (h->tp_status & TP_STATUS_VLAN_VALID) != 0 &&
       h->tp_snaplen >= 2 * ETH_ALEN) {
      packet->data = restore_tag(h, data);
      packet->captured += VLAN_TAG;
      packet->wire += VLAN_TAG;
   }
   r->left--;
   r->next = (struct tpacket3_hdr *) (void *) ((uint8_t *) h + h->tp_next_offset);
   return !r->loopback || address->sll_pkttype != PACKET_OUTGOING;
}

static enum source_state wait_for_block(struct raw_source *r)
{
   struct pollfd p = {.fd = r->fd, .events = POLLIN | POLLERR};
   if (is_full(r)) {
      return SOURCE_PACKETS;
   }
   int n = poll(&p, 1, WAIT_MS);
   if (n < 0 && errno != EINTR) {
      snprintf(r->source.error, SOURCE_ERROR_SIZE, "%s: %s", r->interface, strerror(errno));
      return SOURCE_FAILED;
   }
   if (n > 0 && (p.revents & POLLERR) != 0) {
      int error = 0;
      socklen_t size = sizeof(error);
      getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0 && error != ENETDOWN) {
         snprintf(r->source.error, SOURCE_ERROR_SIZE, "%s: %s", r->interface, strerror(error));
         return SOURCE_FAILED;
      }
   }
   if (!is_full(r)) {
      ask_for_drops(r);
      return n < 0 ? SOURCE_INTERRUPTED : SOURCE_IDLE;
   }
   return SOURCE_PACKETS;
}

static enum source_state raw_read(struct source *s, struct raw_packet *packets, unsigned max, unsigned *count)
{
   struct raw_source *r = (struct raw_source *) s;
   *count = 0;
   if (r->open && r->left == 0) {
      give_back(r);
   }
   while (!r->open) {
      enum source_state state = wait_for_block(r);
      if (state != SOURCE_PACKETS) {
         return state;
      }
      struct tpacket_hdr_v1 *h = &block_of(r)->hdr.bh1;
      r->next = (struct tpacket3_hdr *) (void *) ((uint8_t *) block_of(r) + h->offset_to_first_pkt);
      r->left = h->num_pkts;
      r->open = true;
      if (r->left == 0) { /* it timed out */
         give_back(r);
      }
   }
   while (*count < max && r->left > 0) {
      *count += take(r, &packets[*count]);
   }
   return SOURCE_PACKETS;
}

static void raw_close(struct source *s)
{
   struct raw_source *r = (struct raw_source *) s;
   if (r->ring != NULL) {
      munmap(r->ring, r->blocks * r->block_size);
   }
   if (r->fd >= 0) {
      close(r->fd);
   }
   free(r);
}

/* ------------------------------------------------------------------------ open */

static bool fail(struct raw_source *r, const char *what)
{
   snprintf(r->source.error, SOURCE_ERROR_SIZE, "%s: %s: %s", r->interface, what, strerror(errno));
   return false;
}

static bool map_ring(struct raw_source *r, unsigned block_pages)
{
   int version = TPACKET_V3;
   unsigned reserve = VLAN_TAG;
   r->block_size = (size_t) block_pages * (size_t) sysconf(_SC_PAGESIZE);
   uint64_t size = (uint64_t) r->blocks * r->block_size;
   if (size > MAX_RING) {
      errno = EINVAL;
      return fail(r, "the ring is larger than 4 GiB");
   }
   struct tpacket_req3 request = {.tp_block_size = (unsigned) r->block_size,
                                  .tp_block_nr = r->blocks,
                                  .tp_frame_size = FRAME,
                                  .tp_frame_nr = (unsigned) (size / FRAME),
                                  .tp_retire_blk_tov = BLOCK_MS};
   if (setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) != 0 ||
       setsockopt(r->fd, SOL_PACKET, PACKET_RESERVE, &reserve, sizeof(reserve)) != 0 ||
       setsockopt(r->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) != 0) {
      return fail(r, "cannot create a ring of this size (blocks, pages)");
   }
   void *ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
   if (ring == MAP_FAILED) {
      return fail(r, "cannot map the ring");
   }
   r->ring = ring;
   return true;
}

static bool set_link(struct raw_source *r)
{
   struct ifreq request = {0};
   if (strlen(r->interface) >= sizeof(request.ifr_name)) {
      errno = ENODEV;
      return fail(r, "no such interface");
   }
   snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", r->interface);
   if (ioctl(r->fd, SIOCGIFHWADDR, &request) != 0) {
      return fail(r, "no such interface");
   }
   switch (request.ifr_hwaddr.sa_family) {
   case ARPHRD_LOOPBACK: r->loopback = true; __attribute__((fallthrough));
   case ARPHRD_ETHER: r->link = LINK_ETHERNET; return true;
   case ARPHRD_PPP:
   case ARPHRD_NONE:
   case ARPHRD_TUNNEL:
   case ARPHRD_TUNNEL6:
   case ARPHRD_SIT:
   case ARPHRD_IPGRE: r->link = LINK_RAW; return true;
   default:
      snprintf(r->source.error, SOURCE_ERROR_SIZE, "%s: link type %d is not supported", r->interface,
               request.ifr_hwaddr.sa_family);
      return false;
   }
}

void capture_not_permitted(const char *interface, char error[SOURCE_ERROR_SIZE])
{
   char program[256];
   ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
   snprintf(error, SOURCE_ERROR_SIZE,
            "%s: no right to capture: run this as root, or give the meter the right once with setcap "
            "cap_net_raw+ep %.*s",
            interface, n > 0 ? (int) n : 0, program);
}

static bool start(struct raw_source *r, unsigned block_pages, int fanout)
{
   /* No protocol yet: packets of other interfaces must not come in before it is bound. */
   r->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
   if (r->fd < 0 && errno == EPERM) {
      capture_not_permitted(r->interface, r->source.error);
      return false;
   }
   if (r->fd < 0) {
      return fail(r, "cannot create a packet socket");
   }
   if (!set_link(r) || !map_ring(r, block_pages)) {
      return false;
   }
   struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                 .sll_protocol = htons(ETH_P_ALL),
                                 .sll_ifindex = (int) if_nametoindex(r->interface)};
   if (address.sll_ifindex == 0) { /* 0 would be all interfaces */
      return fail(r, "no such interface");
   }
   struct packet_mreq promiscuous = {.mr_ifindex = address.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
   if (bind(r->fd, (struct sockaddr *) &address, sizeof(address)) != 0) {
      return fail(r, "cannot bind to the interface");
   }
   if (setsockopt(r->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) != 0) {
      return fail(r, "cannot set promiscuous mode");
   }
   /* By a hash that is the same for both directions. */
   int group = (fanout & UINT16_MAX) | PACKET_FANOUT_HASH << 16;
   if (fanout >= 0 && setsockopt(r->fd, SOL_PACKET, PACKET_FANOUT, &group, sizeof(group)) != 0) {
      return fail(r, "cannot join the fanout group");
   }
   return true;
}

struct source *source_open_raw(const char *interface, unsigned blocks, unsigned block_pages, int fanout,
                               char error[SOURCE_ERROR_SIZE])
{
   struct raw_source *r = calloc(1, sizeof(*r));
   if (r == NULL) {
      snprintf(error, SOURCE_ERROR_SIZE, "%s: out of memory", interface);
      return NULL;
   }
   r->source.read = raw_read;
   r->source.close = raw_close;
   r->interface = interface;
   r->blocks = blocks;
   r->fd = -1;
   if (!start(r, block_pages, fanout)) {
      memcpy(error, r->source.error, SOURCE_ERROR_SIZE);
      raw_close(&r->source);
      return NULL;
   }
   return &r->source;
}
