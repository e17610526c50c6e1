/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of the detector of SSH guessing by machine learning mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <netinet/in.h>
#include <stdio.h>

static void read_alert(const struct alert *a, struct event *e)
{
   e->source = alert_ip(a, "SRC_IP");
   e->target = alert_ip(a, "DST_IP");
   e->port = (uint16_t) alert_number(a, "DST_PORT");
   e->protocol = IPPROTO_TCP;
   e->amount = e->flows = alert_number(a, "ATTEMPTS");
}

static enum event_confidence confidence(const struct event *e)
{
   return e->amount >= 30 ? EVENT_HIGH : EVENT_MEDIUM;
}

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], target[256], count[32];
   snprintf(to, size,
            "%s tried about %s SSH log-ins at port %u of %s, as a model of refused log-ins judges them",
            event_source(e, source, sizeof(source)), format_count(e->amount, count, sizeof(count)), e->port,
            event_target(e, target, sizeof(target)));
}

EVENT_DESCRIPTION(sshbruteforceml, .kind = "password-guessing", .title = "password guessing",
                  .unit = "log-ins", .attack = "T1110",
                  .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint16 DST_PORT,uint16 ATTEMPTS,time EVENT_TIME",
                  .first = "EVENT_TIME", .last = "EVENT_TIME", .key = EVENT_BY_SOURCE | EVENT_BY_PORT,
                  .gap = 4 * 3600, .read = read_alert, .confidence = confidence, .reason = reason);
