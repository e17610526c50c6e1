/* SPDX-License-Identifier: BSD-3-Clause */
/** Reads the packets of a capture with libpcap and does nothing with them: what any reader of captures must spend. */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>

struct sums {
   uint64_t packets, bytes, first_bytes;
};

static void count(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
   struct sums *s = (struct sums *) user;
   s->packets++;
   s->bytes += header->len;
   s->first_bytes += header->caplen > 0 ? bytes[0] : 0;
}

int main(int argc, char **argv)
{
   char error[PCAP_ERRBUF_SIZE] = "usage: pcap_loop FILE";
   pcap_t *p = argc == 2 ? pcap_open_offline(argv[1], error) : NULL;
   struct sums sums = {0};
   if (p == NULL || pcap_loop(p, -1, count, (u_char *) &sums) != 0) {
      fprintf(stderr, "pcap_loop: %s\n", p == NULL ? error : pcap_geterr(p));
      return 1;
   }
   pcap_close(p);
   printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", sums.packets, sums.bytes, sums.first_bytes);
   return 0;
}
