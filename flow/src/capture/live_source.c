/* SPDX-License-Identifier: BSD-3-Clause */
/** Live capture through libpcap (TPACKET_V3 rings on Linux), and BPF filters. */
#include "capture_file.h"
#include "source.h"

#include <nemea-common/nc_text.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_PCAP
#include <pcap/pcap.h>

#define TIMEOUT_MS  200 /* after which captured packets are returned, or none */
#define RING        (64 * 1024 * 1024)
#define COPY_BUFFER (1u << 20)
#define MAX_LINKS   16

struct live_source {
   struct source source;
   pcap_t *pcap;
   int fd; /* readable when there are packets */
   uint16_t link;
   bool nanoseconds;
   uint8_t *copy; /* packets of the current batch: libpcap keeps them during its callback only */
   size_t copied;
   struct raw_packet *packets;
   unsigned count, max;
};

/* Numbers of libpcap (DLT_) that differ from those of files. */
static uint32_t file_link(int dlt)
{
   return dlt == DLT_RAW ? LINK_RAW : (uint32_t) dlt;
}

static void on_packet(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
   struct live_source *l = (struct live_source *) (void *) user;
   struct raw_packet *raw = &l->packets[l->count++];
   memcpy(l->copy + l->copied, data, h->caplen);
   *raw = (struct raw_packet){
       .data = l->copy + l->copied,
       .time = (uint64_t) h->ts.tv_sec * 1000000000u + (uint64_t) h->ts.tv_usec * (l->nanoseconds ? 1 : 1000),
       .captured = h->caplen,
       .wire = h->len,
       .link = l->link,
   };
   l->copied += h->caplen;
   if (COPY_BUFFER - l->copied < CAPTURE_MAX_PACKET) {
      pcap_breakloop(l->pcap);
   }
}

static enum source_state live_read(struct source *s, struct raw_packet *packets, unsigned max,
                                   unsigned *count)
{
   struct live_source *l = (struct live_source *) s;
   struct pcap_stat stat;
   l->packets = packets;
   l->count = 0;
   l->copied = 0;
   /* Waiting is done here: pcap_dispatch() would go on waiting after a signal, without a limit while no packet arrives. */
   struct pollfd wait = {.fd = l->fd, .events = POLLIN};
   int n = poll(&wait, 1, TIMEOUT_MS) < 0 ? 0 : pcap_dispatch(l->pcap, (int) max, on_packet, (u_char *) l);
   *count = l->count;
   if (n == PCAP_ERROR) {
      snprintf(s->error, sizeof(s->error), "%s", pcap_geterr(l->pcap));
      return SOURCE_FAILED;
   }
   if (pcap_stats(l->pcap, &stat) == 0) {
      s->dropped = (uint64_t) stat.ps_drop + stat.ps_ifdrop;
   }
   return l->count > 0 ? SOURCE_PACKETS : SOURCE_IDLE;
}

static void live_close(struct source *s)
{
   struct live_source *l = (struct live_source *) s;
   if (l->pcap != NULL) {
      pcap_close(l->pcap);
   }
   free(l->copy);
   free(l);
}

/* \return false with a message in the source */
static bool start(struct live_source *l, const char *interface, unsigned snaplen, const char *filter)
{
   char *error = l->source.error, text[PCAP_ERRBUF_SIZE] = "";
   struct bpf_program program;
   pcap_set_snaplen(l->pcap, (int) snaplen);
   pcap_set_promisc(l->pcap, 1);
   pcap_set_timeout(l->pcap, TIMEOUT_MS);
   pcap_set_buffer_size(l->pcap, RING);
   l->nanoseconds = pcap_set_tstamp_precision(l->pcap, PCAP_TSTAMP_PRECISION_NANO) == 0;
   int rc = pcap_activate(l->pcap);
   if (rc == PCAP_ERROR_PERM_DENIED) {
      capture_not_permitted(interface, error);
      return false;
   }
   if (rc < 0) {
      snprintf(error, SOURCE_ERROR_SIZE, "%s: %s (%s)", interface, pcap_statustostr(rc),
               pcap_geterr(l->pcap));
      return false;
   }
   l->fd = pcap_get_selectable_fd(l->pcap);
   if (l->fd < 0 || fcntl(l->fd, F_SETFD, FD_CLOEXEC) != 0 || pcap_setnonblock(l->pcap, 1, text) != 0) {
      snprintf(error, SOURCE_ERROR_SIZE, "%s: %s", interface, l->fd < 0 ? "no descriptor to poll" : text);
      return false;
   }
   uint32_t link = file_link(pcap_datalink(l->pcap));
   if (!packet_link_known(link)) {
      snprintf(error, SOURCE_ERROR_SIZE, "%s: link type %u (%s) is not supported", interface, link,
               packet_link_name(link));
      return false;
   }
   l->link = (uint16_t) link;
   if (filter != NULL) {
      if (pcap_compile(l->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0) {
         snprintf(error, SOURCE_ERROR_SIZE, "filter \"%s\": %s", filter, pcap_geterr(l->pcap));
         return false;
      }
      rc = pcap_setfilter(l->pcap, &program);
      pcap_freecode(&program);
   }
   return rc >= 0;
}

struct source *source_open_live(const char *interface, unsigned snaplen, const char *filter,
                                char error[SOURCE_ERROR_SIZE])
{
   char text[PCAP_ERRBUF_SIZE] = "";
   struct live_source *l = calloc(1, sizeof(*l));
   if (l == NULL || (l->copy = malloc(COPY_BUFFER)) == NULL) {
      free(l);
      snprintf(error, SOURCE_ERROR_SIZE, "out of memory");
      return NULL;
   }
   l->source.read = live_read;
   l->source.close = live_close;
   l->pcap = pcap_create(interface, text);
   if (l->pcap == NULL) {
      snprintf(l->source.error, SOURCE_ERROR_SIZE, "%s: %s", interface, text);
   }
   if (l->pcap == NULL || !start(l, interface, snaplen, filter)) {
      memcpy(error, l->source.error, SOURCE_ERROR_SIZE);
      live_close(&l->source);
      return NULL;
   }
   return &l->source;
}

bool source_list_interfaces(void)
{
   char error[PCAP_ERRBUF_SIZE] = "";
   pcap_if_t *all = NULL;
   if (pcap_findalldevs(&all, error) != 0) {
      nc_text_line(stderr, "Error: ", "the interfaces cannot be listed: %s", error);
      return false;
   }
   for (const pcap_if_t *i = all; i != NULL; i = i->next) {
      printf("%-16s %s\n", i->name, i->description != NULL ? i->description : "");
   }
   pcap_freealldevs(all);
   return nc_flush_stdout(program_invocation_short_name);
}

/* -------------------------------------------------------------------- filters */

struct packet_filter {
   const char *text;
   int snaplen;
   unsigned n;
   struct {
      uint16_t link;
      bool good;
      struct bpf_program program;
   } link[MAX_LINKS];
};

static bool compile(struct packet_filter *f, uint16_t link, char *error)
{
   pcap_t *dead = pcap_open_dead(link == LINK_RAW ? DLT_RAW : link, f->snaplen);
   bool good =
       dead != NULL && pcap_compile(dead, &f->link[f->n].program, f->text, 1, PCAP_NETMASK_UNKNOWN) == 0;
   if (!good && error != NULL) {
      snprintf(error, SOURCE_ERROR_SIZE, "filter \"%s\": %s", f->text,
               dead != NULL ? pcap_geterr(dead) : "out of memory");
   }
   if (dead != NULL) {
      pcap_close(dead);
   }
   f->link[f->n].link = link;
   f->link[f->n++].good = good;
   return good;
}

struct packet_filter *packet_filter_new(const char *text, unsigned snaplen, char error[SOURCE_ERROR_SIZE])
{
   struct packet_filter *f = calloc(1, sizeof(*f));
   if (f == NULL) {
      snprintf(error, SOURCE_ERROR_SIZE, "out of memory");
      return NULL;
   }
   f->text = text;
   f->snaplen = (int) snaplen;
   if (!compile(f, LINK_ETHERNET, error)) { /* so that errors are reported before the first packet */
      packet_filter_free(f);
      return NULL;
   }
   return f;
}

bool packet_filter_match(struct packet_filter *f, const struct raw_packet *raw)
{
   unsigned i = 0;
   while (i < f->n && f->link[i].link != raw->link) {
      i++;
   }
   if (i == f->n && (f->n == MAX_LINKS || !compile(f, raw->link, NULL))) {
      return false;
   }
   struct pcap_pkthdr h = {.caplen = raw->captured, .len = raw->wire};
   return f->link[i].good && pcap_offline_filter(&f->link[i].program, &h, raw->data) != 0;
}

void packet_filter_free(struct packet_filter *f)
{
   for (unsigned i = 0; i < f->n; i++) {
      if (f->link[i].good) {
         pcap_freecode(&f->link[i].program);
      }
   }
   free(f);
}

#else

struct source *source_open_live(const char *interface, unsigned snaplen, const char *filter,
                                char error[SOURCE_ERROR_SIZE])
{
   (void) snaplen;
   (void) filter;
   snprintf(error, SOURCE_ERROR_SIZE, "%s: built without live capture (libpcap)", interface);
   return NULL;
}

bool source_list_interfaces(void)
{
   fputs("Error: built without live capture (libpcap)\n", stderr);
   return false;
}

struct packet_filter *packet_filter_new(const char *text, unsigned snaplen, char error[SOURCE_ERROR_SIZE])
{
   (void) snaplen;
   snprintf(error, SOURCE_ERROR_SIZE, "filter \"%s\": built without BPF filters (libpcap)", text);
   return NULL;
}

bool packet_filter_match(struct packet_filter *f, const struct raw_packet *raw)
{
   (void) f;
   (void) raw;
   return true;
}

void packet_filter_free(struct packet_filter *f)
{
   (void) f;
}

#endif
