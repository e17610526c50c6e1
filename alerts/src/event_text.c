/* SPDX-License-Identifier: BSD-3-Clause */
/** Events as texts for people. */
#include <netinet/in.h>
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>
#include <string.h>

const char *const event_confidence_names[] = {"low", "medium", "high"};
const char *const event_state_names[] = {"new", "seen", "false", "closed"};

bool event_ip_is_set(const ip_addr_t *ip)
{
   static const ip_addr_t zero;
   return memcmp(ip, &zero, sizeof(zero)) != 0;
}

const char *event_protocol(const struct event *e)
{
   switch (e->protocol) {
   case IPPROTO_TCP: return "TCP";
   case IPPROTO_UDP: return "UDP";
   case IPPROTO_ICMP: return "ICMP";
   case IPPROTO_ICMPV6: return "ICMPv6";
   default: return NULL;
   }
}

uint64_t event_seconds(const struct event *e)
{
   return ur_time_get_sec(e->last) - ur_time_get_sec(e->first);
}

char *event_title(const struct event *e, char *to, size_t size)
{
   const char *protocol = event_protocol(e);
   snprintf(to, size, "%s%s%s", e->title, protocol != NULL ? ", " : "", protocol != NULL ? protocol : "");
   return to;
}

char *event_source(const struct event *e, char *to, size_t size)
{
   char ip[INET6_ADDRSTRLEN], count[32];
   if (event_ip_is_set(&e->source)) {
      ip_to_str(&e->source, ip);
      snprintf(to, size, "%s", ip);
   } else {
      uint64_t n = e->sources > e->n_source_samples ? e->sources : e->n_source_samples;
      char networks[32], error[32];
      int used = snprintf(to, size, "%s source%s", n > 0 ? format_count(n, count, sizeof(count)) : "several",
                          n == 1 ? "" : "s");
      if (e->sources_error > 0 && used > 0 && (size_t) used < size) {
         used += snprintf(to + used, size - (size_t) used, " (+-%s)",
                          format_count(e->sources_error, error, sizeof(error)));
      }
      if (e->networks > 0 && used > 0 && (size_t) used < size) {
         snprintf(to + used, size - (size_t) used, " in %s",
                  format_counted(e->networks, "network", networks, sizeof(networks)));
      }
   }
   return to;
}

char *event_target(const struct event *e, char *to, size_t size)
{
   char ip[INET6_ADDRSTRLEN], port[48];
   if (event_ip_is_set(&e->target)) {
      ip_to_str(&e->target, ip);
      snprintf(to, size, "%s", ip);
   } else {
      if (e->n_samples == 0) {
         snprintf(to, size, "%s", "many hosts");
         return to;
      }
      size_t n = 0;
      to[0] = 0;
      if (e->port != 0) {
         n = (size_t) snprintf(to, size, "port %s of ",
                               format_port(e->port, e->protocol, port, sizeof(port)));
      }
      for (unsigned i = 0; i < e->n_samples && i < 2 && n < size; i++) {
         ip_to_str(&e->samples[i], ip);
         n += (size_t) snprintf(to + n, size - n, "%s%s", i > 0 ? ", " : "", ip);
      }
      if (n < size) {
         snprintf(to + n, size - n, "%s", e->targets > 2 || e->n_samples > 2 ? " ..." : "");
      }
   }
   return to;
}

char *event_ports(const struct event *e, char *to, size_t size)
{
   char port[48];
   size_t n = 0;
   *to = 0;
   for (unsigned i = 0; i < e->n_ports && n < size; i++) {
      n += (size_t) snprintf(to + n, size - n, "%s%s", i > 0 ? ", " : "",
                             format_port(e->ports[i], e->protocol, port, sizeof(port)));
   }
   if (e->more_ports && n < size) {
      snprintf(to + n, size - n, ", ...");
   }
   return to;
}

char *event_amount(const struct event *e, char *to, size_t size)
{
   char count[32], bytes[32], rate[32];
   if (e->n_parts > 0 && e->targets > 1) {
      char hosts[32];
      snprintf(to, size, "%s, %s", format_counted(e->targets, "host", hosts, sizeof(hosts)),
               format_counted(e->flows, "probe", count, sizeof(count)));
   } else if (e->bytes > 0 && !e->description->show_amount) {
      snprintf(to, size, "%s, %s/s", format_bytes((double) e->bytes, bytes, sizeof(bytes)),
               format_bytes((double) e->bytes / (double) (event_seconds(e) + 1), rate, sizeof(rate)));
   } else {
      snprintf(to, size, "%s %s", format_count(e->amount, count, sizeof(count)), e->unit);
   }
   return to;
}

char *event_peak(const struct event *e, char *to, size_t size)
{
   char bytes[32], packets[32];
   *to = 0;
   if (e->peak_bytes > 0) {
      snprintf(to, size, "%s/s, %s packets/s", format_bytes((double) e->peak_bytes, bytes, sizeof(bytes)),
               format_count(e->peak_packets, packets, sizeof(packets)));
   }
   return to;
}

/* What all parts of a run have in common. */
static void run_reason(const struct event *e, char *to, size_t size)
{
   char source[64], targets[32], probes[32], duration[32], parts[32];
   snprintf(to, size,
            "%s probed %s in %s: %s in all, joined of %s with gaps of at most %d s; the first of them: ",
            event_source(e, source, sizeof(source)),
            format_counted(e->targets > 0 ? e->targets : 1, "host", targets, sizeof(targets)),
            format_duration(event_seconds(e), duration, sizeof(duration)),
            format_counted(e->flows, "probe", probes, sizeof(probes)),
            format_counted(e->n_parts, "scan", parts, sizeof(parts)), RUN_GAP);
   size_t n = strlen(to);
   e->parts[0].description->reason(&e->parts[0], to + n, size - n);
}

char *event_reason(const struct event *e, char *to, size_t size)
{
   *to = 0;
   if (e->n_parts > 0) {
      run_reason(e, to, size);
   } else {
      e->description->reason(e, to, size);
   }
   return to;
}
