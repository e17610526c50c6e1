/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of the detector of the Venom rootkit mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>

#define MAGIC       255  /* VENOM: a magic string was in the payload; else how many packets had the sum */
#define VENOM_PORT  1221 /* source ports of this number give the sum by chance */
#define SUM_PERCENT 30   /* sure, of 100 */

static void read_alert(const struct alert *a, struct event *e)
{
   uint64_t found = alert_number(a, "VENOM");
   e->source = alert_ip(a, "SRC_IP");
   e->target = alert_ip(a, "DST_IP");
   e->port = (uint16_t) alert_number(a, "DST_PORT");
   e->protocol = (uint8_t) alert_number(a, "PROTOCOL");
   e->bytes = alert_number(a, "BYTES");
   e->packets = alert_number(a, "PACKETS");
   e->flows = 1;
   e->amount = found == MAGIC ? 1 : found;
   e->evidence = found == MAGIC ? 90 : SUM_PERCENT;
   if (alert_number(a, "SRC_PORT") == VENOM_PORT) {
      e->evidence = 5;
   }
}

static enum event_confidence confidence(const struct event *e)
{
   return e->evidence > SUM_PERCENT ? EVENT_HIGH : e->evidence == SUM_PERCENT ? EVENT_MEDIUM : EVENT_LOW;
}

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], target[64], count[32];
   snprintf(to, size,
            "%s sent %s %s to activate the Venom rootkit (%s); whether it is on the host is not known",
            event_source(e, source, sizeof(source)), event_target(e, target, sizeof(target)),
            e->amount == 1 ? "a packet" : "packets",
            e->evidence > SUM_PERCENT ? "its magic string is in the payload"
                                      : format_count(e->amount, count, sizeof(count)));
}

EVENT_DESCRIPTION(venom, .kind = "malware", .title = "activation of a rootkit (Venom)", .unit = "packets",
                  .show_amount = true, .attack = "T1014 T1205",
                  .fields = "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,"
                            "uint32 PACKETS,uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL,uint8 VENOM",
                  .key = EVENT_BY_SOURCE | EVENT_BY_TARGET, .gap = 3600, .read = read_alert,
                  .confidence = confidence, .reason = reason);
