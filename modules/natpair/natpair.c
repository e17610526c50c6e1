/* SPDX-License-Identifier: BSD-3-Clause */
/** natpair: finds the two halves of flows whose address a router translated. */
#include <inttypes.h>
#include <nemea/module.h>

#include "fields.h"
#include "halves.h"
#include "networks_option.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint32 PACKETS_REV,
          ipaddr LAN_IP, ipaddr RTR_IP, ipaddr WAN_IP, uint16 LAN_PORT, uint16 RTR_PORT, uint16 WAN_PORT,
          time TIME_FIRST, time TIME_LAST, uint8 DIRECTION)

#define MAX_ROUTERS 16
#define BATCH       64 /* records whose places are fetched at a time */

struct natpair {
   ip_addr_t routers[MAX_ROUTERS];
   uint32_t router_count;
   networks_t *inside;
   uint32_t wait;             /* seconds */
   uint32_t capacity;         /* halves */
   double first_ms, last_ms;  /* greatest differences of times */
   uint32_t check_time, keys; /* have no effect */
   halves_t halves;
   uint64_t pairs, foreign;
};

static int add_router(nm_module_t *m, const char *text)
{
   struct natpair *self = nm_self(m);
   if (self->router_count == MAX_ROUTERS) {
      return nm_fail(m, "option -r, --router: more than %d addresses", MAX_ROUTERS);
   }
   if (!ip_from_str(text, &self->routers[self->router_count])) {
      return nm_fail(m, "option -r, --router: '%s' is no IP address", text);
   }
   self->router_count++;
   return NM_OK;
}

static const nm_option_t options[] = {
    NM_CALL('r', "router", "address", add_router,
            "Address of the router towards the WAN. Required; may be given up to 16 times, for a pool of "
            "addresses."),
    NM_U32('f', "freetime", struct natpair, wait, 5, 1, 86400,
           "Seconds of stream time that a half waits for the other one."),
    NM_DOUBLE(0, "first-difference", struct natpair, first_ms, 2, 0.001, 10000,
              "The first packets of both halves are less than this many milliseconds apart."),
    NM_DOUBLE(0, "last-difference", struct natpair, last_ms, 3, 0.001, 10000,
              "The same for the last packets."),
    NM_U32(0, "capacity", struct natpair, capacity, 262144, 1, NC_TABLE_MAX_CAPACITY,
           "Halves that wait at a time (68 to 72 bytes each). When there is no room, the oldest one is "
           "forgotten."),
    NM_FILE('N', "networks", struct natpair, inside, networks_load, networks_release,
            "File of the networks in the LAN, a prefix a line; default: 10.0.0.0/8, 172.16.0.0/12, "
            "192.168.0.0/16 and fc00::/7. Read again on SIGHUP."),
    NM_U32('c', "checktime", struct natpair, check_time, 600, 0, UINT32_MAX,
           "Accepted, without effect: halves are forgotten as soon as they have waited long enough."),
    NM_U32('s', "size", struct natpair, keys, 2000, 0, UINT32_MAX,
           "Accepted, without effect; see --capacity."),
    NM_END,
};

static int check(nm_module_t *m)
{
   const struct natpair *self = nm_self(m);
   return self->router_count == 0
              ? nm_fail(m, "option -r, --router is needed: the address of the router towards the WAN")
              : NM_OK;
}

static ur_time_t from_ms(double ms)
{
   return (ur_time_t) (ms * 4294967.296);
}

static int init(nm_module_t *m)
{
   struct natpair *self = nm_self(m);
   struct halves_limits limits = {from_ms(self->first_ms), from_ms(self->last_ms)};
   if (!halves_init(&self->halves, self->capacity, &limits) ||
       (self->inside == NULL && (self->inside = networks_private()) == NULL)) {
      return nm_fail(m, "no memory for %" PRIu32 " halves (option --capacity)", self->capacity);
   }
   nm_counter(m, "pairs", &self->pairs);
   nm_counter(m, "halves that wait", &self->halves.waiting);
   nm_counter(m, "halves without a partner", &self->halves.unpaired);
   nm_counter(m, "halves without room", &self->halves.pushed);
   nm_counter(m, "halves too much alike", &self->halves.crowded);
   nm_counter(m, "not translated", &self->foreign);
   return NM_OK;
}

static bool is_router(const struct natpair *self, const ip_addr_t *ip)
{
   for (uint32_t i = 0; i < self->router_count; i++) {
      if (ip_cmp(&self->routers[i], ip) == 0) {
         return true;
      }
   }
   return false;
}

/* Before the router a host of the LAN speaks with an address beyond the router; behind it, the router does. Other flows, also those
 * of the router itself as the LAN sees them, are not translated. */
static bool read_half(nm_module_t *m, const struct natpair *self, const char *rec, struct half *half)
{
   const uint16_t *at = nm_in(m)->offset;
   ip_addr_t source, destination;
   memcpy(&source, rec + at[F_SRC_IP], sizeof(source));
   memcpy(&destination, rec + at[F_DST_IP], sizeof(destination));
   half->side = nm_input(m) == 0 ? LAN : WAN;
   bool source_inside, destination_inside;
   if (half->side == LAN) {
      source_inside = networks_contain(self->inside, &source);
      destination_inside = networks_contain(self->inside, &destination);
      if (is_router(self, &source) || is_router(self, &destination)) {
         return false;
      }
   } else {
      source_inside = is_router(self, &source);
      destination_inside = is_router(self, &destination);
   }
   if (source_inside == destination_inside) {
      return false;
   }
   uint16_t source_port = nm_get(m, rec, F_SRC_PORT), destination_port = nm_get(m, rec, F_DST_PORT);
   half->direction = source_inside ? LAN_TO_WAN : WAN_TO_LAN;
   half->inside = source_inside ? source : destination;
   half->outside = source_inside ? destination : source;
   half->inside_port = source_inside ? source_port : destination_port;
   half->outside_port = source_inside ? destination_port : source_port;
   half->protocol = nm_get(m, rec, F_PROTOCOL);
   half->first = nm_get(m, rec, F_TIME_FIRST);
   half->last = nm_get(m, rec, F_TIME_LAST);
   half->state = nm_get_or(m, rec, F_PACKETS_REV, 0) > 0 ? HALF_BOTH : 0;
   return true;
}

static int send_pair(nm_module_t *m, const struct half *a, const struct half *b)
{
   struct natpair *self = nm_self(m);
   const struct half *lan = a->side == LAN ? a : b, *wan = a->side == LAN ? b : a;
   void *rec = nm_record(m, 0);
   self->pairs++;
   nm_set(m, rec, F_LAN_IP, lan->inside);
   nm_set(m, rec, F_RTR_IP, wan->inside);
   nm_set(m, rec, F_WAN_IP, lan->outside);
   nm_set(m, rec, F_LAN_PORT, lan->inside_port);
   nm_set(m, rec, F_RTR_PORT, wan->inside_port);
   nm_set(m, rec, F_WAN_PORT, lan->outside_port);
   nm_set(m, rec, F_TIME_FIRST, lan->first < wan->first ? lan->first : wan->first);
   nm_set(m, rec, F_TIME_LAST, lan->last > wan->last ? lan->last : wan->last);
   nm_set(m, rec, F_PROTOCOL, lan->protocol);
   nm_set(m, rec, F_DIRECTION, lan->direction);
   return nm_send(m, rec);
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct natpair *self = nm_self(m);
   ur_time_t now = nm_now(m), wait = (ur_time_t) self->wait << 32;
   halves_expire(&self->halves, now > wait ? now - wait : 0);
   for (uint32_t begin = 0; begin < n; begin += BATCH) {
      struct half batch[BATCH];
      uint32_t count = 0;
      for (uint32_t i = begin; i < n && i < begin + BATCH; i++) {
         if (read_half(m, self, recs[i].data, &batch[count])) {
            halves_prefetch(&self->halves, &batch[count++]);
         } else {
            self->foreign++;
         }
      }
      for (uint32_t i = 0; i < count; i++) {
         halves_prefetch_entries(&self->halves, &batch[i]);
      }
      for (uint32_t i = 0; i < count; i++) {
         struct half other;
         if (halves_pair(&self->halves, &batch[i], &other)) {
            int rc = send_pair(m, &batch[i], &other);
            if (rc != NM_OK) {
               return rc;
            }
         }
      }
   }
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   struct natpair *self = nm_self(m);
   halves_expire(&self->halves, UINT64_MAX);
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct natpair *self = nm_self(m);
   halves_free(&self->halves);
}

#define FLOW                                                                                          \
   "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,time TIME_FIRST,time " \
   "TIME_LAST"

NM_MODULE("natpair",
          "Pairs flows that were seen before a router translated their address (LAN) with the same flows "
          "behind it (WAN), and sends "
          "both addresses of each.",
          .in = NM_INPUTS({"LAN flows", FLOW, .optional = "uint32 PACKETS_REV"},
                          {"WAN flows", FLOW, .optional = "uint32 PACKETS_REV"}),
          .out = NM_OUTPUTS(
              {"pairs",
               "ipaddr LAN_IP,ipaddr RTR_IP,ipaddr WAN_IP,uint16 LAN_PORT,uint16 RTR_PORT,uint16 WAN_PORT,"
               "time TIME_FIRST,time TIME_LAST,uint8 PROTOCOL,uint8 DIRECTION"}),
          .options = options, .state_size = sizeof(struct natpair), .no_eos_option = "no-eof", .check = check,
          .init = init, .records = records, .finish = finish, .cleanup = cleanup)
