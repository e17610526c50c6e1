/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin osquery: the local program and user of a flow, as osqueryi tells them, and what host this is. No flow waits for an answer: a
 * thread asks for all open sockets every few seconds (socket_owners.h), and flows are looked for in what it was told last,
 * when they begin and again at their end. Flows of sockets that were open for shorter than that may not be found.
 */
#include "cache/flow.h"
#include "socket_owners.h"

#include <string.h>

#include "fields.h"

UR_FIELDS(string OSQUERY_PROGRAM_NAME, string OSQUERY_USERNAME, string OSQUERY_OS_NAME,
          uint16 OSQUERY_OS_MAJOR, uint16 OSQUERY_OS_MINOR, string OSQUERY_OS_BUILD,
          string OSQUERY_OS_PLATFORM, string OSQUERY_OS_PLATFORM_LIKE, string OSQUERY_OS_ARCH,
          string OSQUERY_KERNEL_VERSION, string OSQUERY_SYSTEM_HOSTNAME)

struct shared {
   struct socket_owners *owners; /* NULL: osqueryi is not available */
};

struct osquery {
   struct shared *shared;
   bool found;
   /* Not cleared. */
   struct socket_owner owner;
};

static uint32_t period;
static const struct flow_plugin_option options[] = {
    {"period", &period, 86400, "seconds between questions for the open sockets (default 5)"},
    {NULL, NULL, 0, NULL}};

static void look_for(struct osquery *q, const struct flow *f)
{
   if (!q->found && q->shared->owners != NULL) {
      struct socket_key key = {
          .local_port = f->src_port, .remote_port = f->dst_port, .protocol = f->protocol};
      memcpy(key.local, f->src_ip, sizeof(key.local));
      memcpy(key.remote, f->dst_ip, sizeof(key.remote));
      q->found = socket_owners_find(q->shared->owners, &key, &q->owner);
   }
}

static unsigned create(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct osquery *q = ext;
   (void) packet;
   (void) reverse;
   look_for(q, flow);
   return q->shared->owners != NULL ? PLUGIN_HAS_DATA : PLUGIN_NOTHING;
}

static bool finish(void *ext, const struct flow *flow)
{
   look_for(ext, flow);
   return ((struct osquery *) ext)->found;
}

static void set_text(const ur_template_t *tmplt, void *rec, int field, const char *text)
{
   plugin_set_var(tmplt, rec, field, text, strlen(text));
}

static void fill(const void *ext, unsigned index, const ur_template_t *tmplt, void *rec)
{
   const struct osquery *q = ext;
   struct host_facts host;
   (void) index;
   socket_owners_host(q->shared->owners, &host);
   set_text(tmplt, rec, F_OSQUERY_KERNEL_VERSION, host.kernel_version);
   set_text(tmplt, rec, F_OSQUERY_OS_ARCH, host.os_arch);
   set_text(tmplt, rec, F_OSQUERY_OS_BUILD, host.os_build);
   set_text(tmplt, rec, F_OSQUERY_OS_NAME, host.os_name);
   set_text(tmplt, rec, F_OSQUERY_OS_PLATFORM, host.os_platform);
   set_text(tmplt, rec, F_OSQUERY_OS_PLATFORM_LIKE, host.os_platform_like);
   set_text(tmplt, rec, F_OSQUERY_PROGRAM_NAME, q->owner.program);
   set_text(tmplt, rec, F_OSQUERY_SYSTEM_HOSTNAME, host.hostname);
   set_text(tmplt, rec, F_OSQUERY_USERNAME, q->owner.user);
   ur_set(tmplt, rec, F_OSQUERY_OS_MAJOR, host.os_major);
   ur_set(tmplt, rec, F_OSQUERY_OS_MINOR, host.os_minor);
}

static void open_shared(void *shared)
{
   ((struct shared *) shared)->owners = socket_owners_open(period != 0 ? period : 5);
}

static void close_shared(void *shared)
{
   socket_owners_close(((struct shared *) shared)->owners);
}

const struct flow_plugin plugin_osquery = {
    .name = "osquery",
    .help = "program and user of flows of this host, as osqueryi reports (nothing if it is not installed)",
    .fields =
        "string OSQUERY_PROGRAM_NAME,string OSQUERY_USERNAME,string OSQUERY_OS_NAME,uint16 OSQUERY_OS_MAJOR,"
        "uint16 OSQUERY_OS_MINOR,string OSQUERY_OS_BUILD,string OSQUERY_OS_PLATFORM,"
        "string OSQUERY_OS_PLATFORM_LIKE,string OSQUERY_OS_ARCH,string OSQUERY_KERNEL_VERSION,"
        "string OSQUERY_SYSTEM_HOSTNAME",
    .ext_size = sizeof(struct osquery),
    .clear_size = offsetof(struct osquery, owner),
    .shared_size = sizeof(struct shared),
    .open_shared = open_shared,
    .close_shared = close_shared,
    .options = options,
    .lazy = true,
    .create = create,
    .update = create,
    .finish = finish,
    .fill = fill,
};
