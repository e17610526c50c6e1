/* SPDX-License-Identifier: BSD-3-Clause */
/** flow_meter: packets from capture files or an interface to flow records. */
#include "command_line.h"
#include "meter/meter.h"
#include "plugins/registry.h"

#include <nemea-common/nc_text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PORT "4739"

struct flow_meter {
   /* options */
   struct meter_input input;
   const char *plugin_list, *collector;
   uint64_t link;
   uint32_t workers, statistics_every, snaplen, capture_memory, plugin_memory;
   uint8_t direction;
   bool raw, udp, pcap_statistics;
   const char *who_began;

   struct meter_config config;
   struct meter *meter;
};

/* ------------------------------------------------------------------- options */

/* -x without -i: no flow goes to TRAP. */
static bool without_trap;

static int add_file(nm_module_t *m, const char *path)
{
   struct flow_meter *self = nm_self(m);
   char error[METER_ERROR];
   return meter_add_file(&self->input, path, error) == NM_OK ? NM_OK
                                                             : nm_fail(m, "option -r, --file: %s", error);
}

static int set_speed(nm_module_t *m, const char *text)
{
   struct flow_meter *self = nm_self(m);
   char *end = NULL;
   double v = strtod(text, &end);
   if (end == text || *end != 0 || !(v >= 0.001 && v <= 1e6)) {
      return nm_fail(
          m,
          "option --speed: \"%s\" (expected a number from 0.001 to 1000000; 1: as fast as it was captured)",
          text);
   }
   self->input.speed = v;
   return NM_OK;
}

static bool parse_seconds(const char *text, const char *end, uint64_t *ms)
{
   char *stop = NULL;
   double v = strtod(text, &stop);
   *ms = (uint64_t) (v * 1000 + 0.5);
   return stop == end && v > 0 && v <= 1e6;
}

static int set_timeouts(nm_module_t *m, const char *text)
{
   struct flow_meter *self = nm_self(m);
   const char *colon = strchr(text, ':');
   if (strcmp(text, "default") == 0) {
      return NM_OK;
   }
   if (colon == NULL || !parse_seconds(text, colon, &self->config.cache.active_ms) ||
       !parse_seconds(colon + 1, text + strlen(text), &self->config.cache.inactive_ms)) {
      return nm_fail(m, "option -t, --timeout: \"%s\" is not ACTIVE:INACTIVE in seconds, such as 300:30",
                     text);
   }
   return NM_OK;
}

static int set_depth(nm_module_t *m, const char *text)
{
   struct flow_meter *self = nm_self(m);
   bool inner = strcmp(text, "inner") == 0;
   self->config.depth = inner ? PARSE_INNER : PARSE_OUTER;
   return inner || strcmp(text, "outer") == 0
              ? NM_OK
              : nm_fail(m, "option --tunnels: \"%s\" is neither outer nor inner", text);
}

static int set_cache_size(nm_module_t *m, const char *text)
{
   struct flow_meter *self = nm_self(m);
   char *end = NULL;
   if (strcmp(text, "default") == 0) {
      return NM_OK;
   }
   unsigned long v = strtoul(text, &end, 10);
   if (end == text || *end != 0 || v < 4 || v > 28) {
      return nm_fail(m, "option -s, --cache_size: \"%s\" is not an exponent from 4 to 28", text);
   }
   self->config.cache.capacity = 1u << v;
   return NM_OK;
}

static const nm_option_t options[] = {
    NM_STRING('p', "plugins", struct flow_meter, plugin_list, NULL,
              "Contents of each output, separated by commas: basic (every flow) or the name of a plugin, "
              "with options as "
              "NAME:option:option=N. A + joins several plugins in one output: dns+tls; "
              "with basic among them it gets every flow. See --plugin-list. "
              "(default basic)"),
    NM_U64('c', "count", struct flow_meter, config.count_limit, 0, 0, UINT64_MAX,
           "Stop after this many packets; 0: no limit."),
    NM_STRING('I', "interface", struct flow_meter, input.interface, NULL, "Capture from this interface."),
    NM_CALL('r', "file", "string", add_file,
            "Read a capture file (pcap or pcapng, plain or compressed with gzip, bzip2, xz, lz4 or zstd), "
            "all files of a directory, "
            "or standard "
            "input (-). May be repeated: packets of several files are merged by time."),
    NM_U32('l', "snapshot_len", struct flow_meter, snaplen, MAX_SNAPLEN, 0, UINT32_MAX,
           "Number of bytes to capture of each packet on an interface, 120 to 65535."),
    NM_CALL(0, "speed", "number", set_speed,
            "Replay files in the time of their packets, so many times as fast (1: as they were captured), "
            "with what belongs to "
            "live traffic: timeouts end flows while no packet comes. (default: as fast as possible)"),
    NM_CALL('t', "timeout", "string", set_timeouts,
            "Active and inactive timeout in seconds: a flow is exported when it has lasted for the active "
            "timeout or was "
            "silent for the inactive timeout. (default 300:30)"),
    NM_CALL('s', "cache_size", "string", set_cache_size,
            "Size of the flow cache as an exponent of two, 4 to 28. When the cache is full, the flow that "
            "was silent for "
            "longest is exported. (default 17)"),
    NM_U32('S', "cache-statistics", struct flow_meter, statistics_every, 0, 0, 86400,
           "Interval in seconds between counters on standard error; 0: never."),
    NM_U64('L', "link_bit_field", struct flow_meter, link, 1, 0, UINT64_MAX,
           "Value of LINK_BIT_FIELD (of ODID with -O)."),
    NM_U8('D', "dir_bit_field", struct flow_meter, direction, 0, 0, UINT8_MAX, "Value of DIR_BIT_FIELD."),
    NM_STRING('F', "filter", struct flow_meter, input.filter, NULL,
              "BPF filter (pcap-filter(7)); packets that do not match it are ignored."),
    NM_U64(0, "since", struct flow_meter, config.since, 0, 0, UINT64_MAX,
           "Ignore packets before this time, in nanoseconds since 1970."),
    NM_U64(0, "until", struct flow_meter, config.until, 0, 0, UINT64_MAX,
           "Ignore packets from this time on, in nanoseconds since 1970; 0: never."),
    NM_FLAG('O', "odid", struct flow_meter, config.sink.odid, "Export ODID instead of LINK_BIT_FIELD."),
    NM_CALL(
        0, "tunnels", "string", set_depth,
        "Which packet counts where IP packets carry IP packets: outer, or inner, the innermost that can be "
        "read (IP in IP, GRE, ERSPAN, VXLAN, Geneve, GTP-U, L2TP, Teredo, MPLS, AH). With outer only GRE "
        "over IPv4 is "
        "entered. (default outer)"),
    NM_STRING(
        0, "direction", struct flow_meter, who_began, "first",
        "Who began a flow, whose address becomes SRC_IP: first: the sender of its first packet; tcp: the "
        "sender of "
        "the SYN, if the other side sent SYN+ACK or RST+ACK, else that of the packet with the earlier time, "
        "at the same time the one whose port is not well-known."),
    NM_FLAG(0, "join-vlans", struct flow_meter, config.cache.join_vlans,
            "Flows are the same whatever their VLAN: for links that tag the two directions differently."),
    NM_FLAG(0, "early", struct flow_meter, config.cache.early,
            "Export TCP flows one to two seconds after RST or FIN of both sides, flows that an ICMP message "
            "calls "
            "unreachable, and TCP connections that nobody answered for two seconds, without waiting for the "
            "timeouts."),
    NM_FLAG(0, "split", struct flow_meter, config.cache.split, "Export uniflows instead of biflows."),
    NM_U32(0, "fragments", struct flow_meter, config.cache.fragments, FRAGMENTS, 0, 1u << 24,
           "Size of the fragment cache, in fragmented packets; 0: later fragments get no ports."),
    NM_U32(
        0, "plugin-memory", struct flow_meter, plugin_memory, 0, 0, 1u << 20,
        "Memory limit in MiB for what plugins keep of flows, for each worker; 0: what is needed when each "
        "plugin "
        "finds something in half of the flows. A flow for which there is no memory left is exported early."),
    NM_U32(0, "capture-memory", struct flow_meter, capture_memory, SOURCE_MEMORY >> 20, 16, 1u << 20,
           "Memory limit in MiB for the buffers and decompression windows of all open capture files."),
    NM_U32(0, "progress", struct flow_meter, config.progress_fd, 0, 0, 1023,
           "File descriptor for progress lines \"BYTES_DONE BYTES_TOTAL PACKETS NOT_IP MALFORMED TRUNCATED "
           "UNKNOWN_LINK\" while files are read, and at the end; 0: none."),
    NM_STRING(0, "telemetry", struct flow_meter, config.telemetry, NULL,
              "Directory for files with counters, updated every second."),
    NM_FLAG(0, "populate", struct flow_meter, config.cache.populate,
            "Allocate the memory of all tables at the start instead of on first use."),
    NM_FLAG('P', "pcap-statistics", struct flow_meter, pcap_statistics, "Same as -S 5."),
    NM_STRING('x', "ipfix", struct flow_meter, collector, NULL,
              "Export IPFIX to this collector, HOST:PORT or [HOST]:PORT, over TCP. Without -i there is no "
              "TRAP output."),
    NM_FLAG('u', "udp", struct flow_meter, udp, "Send IPFIX over UDP."),
    NM_U32(0, "mtu", struct flow_meter, config.sink.mtu, 1458, 128, 65507,
           "Maximum size of an IPFIX message in bytes."),
    NM_U32(0, "template-refresh", struct flow_meter, config.sink.template_refresh, 600, 1, 86400,
           "Interval in seconds between IPFIX templates over UDP."),
    NM_U32(0, "reconnect", struct flow_meter, config.sink.reconnect, 60, 1, 86400,
           "Interval in seconds between attempts to connect to the IPFIX collector."),
    NM_FLAG(0, "lz4", struct flow_meter, config.sink.lz4,
            "Compress IPFIX over TCP: one LZ4 frame for each connection, as lz4 -d reads it."),
    NM_U32(0, "lz4-buffer", struct flow_meter, config.sink.lz4_buffer, 0, 0, 4 << 20,
           "Number of bytes compressed at a time, at least three messages; 0: 65536 or more."),
    NM_FLAG(0, "milliseconds", struct flow_meter, config.sink.milliseconds,
            "Export IPFIX times in milliseconds, for collectors without microseconds."),
    NM_FLAG(0, "raw", struct flow_meter, raw,
            "Capture with AF_PACKET directly instead of libpcap, which is faster; implied by --workers."),
    NM_U32(0, "workers", struct flow_meter, workers, 1, 1, MAX_INPUTS,
           "Number of threads that share the packets of the interface (AF_PACKET fanout by flow). Each has a "
           "flow cache of "
           "size -s."),
    NM_END,
};

/* One item of -p: plugins of one output. */
static int parse_output(nm_module_t *m, struct flow_sink_config *c, char *item)
{
   char *save = NULL;
   if (strcmp(item, "arp") == 0) { /* records of another kind */
      c->arp_outputs |= UINT64_C(1) << c->n_outputs++;
      return NM_OK;
   }
   for (char *name = strtok_r(item, "+", &save); name != NULL; name = strtok_r(NULL, "+", &save)) {
      size_t length = strcspn(name, ":");
      const char *parameters = name[length] == ':' ? name + length + 1 : "";
      char error[METER_ERROR];
      name[length] = 0;
      if (strcmp(name, "basic") == 0) {
         c->every_flow |= UINT64_C(1) << c->n_outputs;
         continue;
      }
      int plugin = meter_use_plugin(c, name, error);
      if (plugin < 0) {
         return nm_fail(m, "option -p, --plugins: unknown plugin %s", error);
      }
      if (!flow_plugin_configure(c->plugins[plugin], parameters, error)) {
         return nm_fail(m, "%s", error);
      }
      c->output_plugins[c->n_outputs] |= PLUGIN_SET(plugin);
   }
   c->n_outputs++;
   return NM_OK;
}

static int parse_plugins(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   char *list = strdup(self->plugin_list != NULL ? self->plugin_list : "basic"), *save = NULL;
   int rc = list != NULL ? NM_OK : nm_fail(m, "out of memory");
   for (char *item = rc == NM_OK ? strtok_r(list, ",", &save) : NULL; item != NULL && rc == NM_OK;
        item = strtok_r(NULL, ",", &save)) {
      rc = self->config.sink.n_outputs < MAX_OUTPUTS
               ? parse_output(m, &self->config.sink, item)
               : nm_fail(m, "option -p, --plugins: more than %d outputs", MAX_OUTPUTS);
   }
   free(list);
   return rc;
}

/* HOST:PORT, [HOST]:PORT or HOST. */
static int set_collector(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   struct flow_sink_config *c = &self->config.sink;
   char *host = self->collector != NULL ? meter_keep(self->collector) : NULL, error[256];
   if (host == NULL) {
      return self->collector == NULL ? NM_OK : nm_fail(m, "out of memory");
   }
   char *end = *host == '[' ? strchr(host, ']') : host + strcspn(host, ":");
   host += *host == '[';
   if (end == NULL || end == host || (*end == ']' && end[1] != ':' && end[1] != 0)) {
      return nm_fail(m, "option -x, --ipfix: \"%s\" is not HOST:PORT or [HOST]:PORT", self->collector);
   }
   char *port = *end == ']' ? end + 1 : end;
   c->port = *port == ':' && port[1] != 0 ? port + 1 : DEFAULT_PORT;
   *end = 0;
   c->host = host;
   c->udp = self->udp;
   self->config.to_ipfix = true;
   return ipfix_sink_check(c, error) ? NM_OK : nm_fail(m, "option -x, --ipfix: %s", error);
}

/* The interface's packets are shared by workers, who have the number of this process for their group. */
static int set_inputs(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   struct meter_input *in = &self->input;
   if ((in->interface == NULL) == (in->n_files == 0)) {
      return nm_fail(m, "no input: expected either -r FILE or -I INTERFACE");
   }
   if (self->workers > 1 && in->interface == NULL) {
      return nm_fail(m, "option --workers: only an interface (-I) can have several workers");
   }
   if (in->speed > 0 && in->interface != NULL) {
      return nm_fail(m, "option --speed: only files (-r) can be replayed");
   }
   in->snaplen = self->snaplen;
   if (in->snaplen < MIN_SNAPLEN || in->snaplen > MAX_SNAPLEN) {
      in->snaplen = in->snaplen < MIN_SNAPLEN ? MIN_SNAPLEN : MAX_SNAPLEN;
      nm_warn(m, "option -l, --snapshot_len: out of range, %u is used", in->snaplen);
   }
   in->raw = self->raw || self->workers > 1;
   in->fanout = self->workers > 1 ? getpid() & UINT16_MAX : -1;
   in->blocks = RAW_BLOCKS;
   in->block_pages = RAW_BLOCK_PAGES;
   in->cpu = -1;
   self->config.n_inputs = self->workers;
   for (unsigned i = 0; i < self->workers; i++) {
      self->config.inputs[i] = *in;
   }
   return NM_OK;
}

static int check(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   struct meter_config defaults = {0};
   meter_config_init(&defaults);
   struct flow_cache_config *cache = &self->config.cache;
   cache->active_ms = cache->active_ms != 0 ? cache->active_ms : defaults.cache.active_ms;
   cache->inactive_ms = cache->inactive_ms != 0 ? cache->inactive_ms : defaults.cache.inactive_ms;
   cache->capacity = cache->capacity != 0 ? cache->capacity : defaults.cache.capacity;
   cache->fragment_s = defaults.cache.fragment_s;
   cache->tcp_direction = strcmp(self->who_began, "tcp") == 0;
   if (!cache->tcp_direction && strcmp(self->who_began, "first") != 0) {
      return nm_fail(m, "option --direction: \"%s\" (expected first or tcp)", self->who_began);
   }
   cache->plugin_memory = (uint64_t) self->plugin_memory << 20;
   self->config.sink.link_bit_field = self->link;
   self->config.sink.direction = self->direction;
   self->config.show_every = self->statistics_every != 0 ? self->statistics_every
                             : self->pcap_statistics     ? 5
                                                         : 0;
   self->config.to_unirec = !without_trap;
   source_set_memory((uint64_t) self->capture_memory << 20);
   int rc = set_inputs(m);
   rc = rc == NM_OK ? set_collector(m) : rc;
   return rc == NM_OK ? parse_plugins(m) : rc;
}

static int init(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   const struct flow_sink_config *c = &self->config.sink;
   if (self->config.to_unirec && c->n_outputs != nm_outputs(m)) {
      return nm_fail(m, "%u output interfaces (-i), but %u outputs in -p", nm_outputs(m), c->n_outputs);
   }
   self->meter = meter_new(&self->config, m);
   return self->meter != NULL ? NM_OK : NM_ERROR;
}

static int source(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   return meter_step(self->meter);
}

static int finish(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   return meter_finish(self->meter);
}

static void cleanup(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   if (self->meter != NULL) {
      meter_free(self->meter);
   }
   free(self->input.files);
}

#define MAX_ADDED 130

static nm_added_t added[MAX_ADDED]; /* ends with an empty entry */

/* Fields that outputs may have: those of a plugin only if its name is among the arguments. */
static void declare_fields(void)
{
   const struct flow_plugin *p;
   nm_added_t *a = added;
   *a++ = (nm_added_t){.fields = unirec_sink_basic};
   *a++ = (nm_added_t){.fields = unirec_sink_arp, .word = "arp"};
   for (size_t i = 0; (p = flow_plugin_at(i)) != NULL; i++) {
      if (a + 1 == added + MAX_ADDED) {
         abort(); /* more plugins than the table was made for: a mistake in the source, seen at the first start */
      }
      *a++ = (nm_added_t){.fields = p->fields, .word = p->name};
   }
}

static const nm_module_def_t definition = {
    .name = "flow_meter",
    .summary =
        "Exports flow records of the packets of an interface or of capture files: biflows with the "
        "fields of the "
        "basic template and those of plugins, which parse the payload (see --plugin-list). Exit "
        "status 3: a part of the "
        "input could not be read (damage, an unsupported link type, one file of several); the flows of the "
        "rest were exported.",
    .out = NM_OUTPUTS(
        {.name = "", .format = NM_CHOSEN, .added = added, .timeout = TRAP_HALFWAIT, .max = NM_VARIABLE}),
    .options = options,
    .state_size = sizeof(struct flow_meter),
    .no_eos_option = "no_eof",
    .check = check,
    .init = init,
    .source = source,
    .finish = finish,
    .cleanup = cleanup,
};

/* An option is given, alone or with its value. */
static bool given(int argc, char **argv, const char *short_name, const char *long_name)
{
   for (int i = 1; i < argc; i++) {
      if (strncmp(argv[i], short_name, 2) == 0 || (strncmp(argv[i], long_name, strlen(long_name)) == 0 &&
                                                   strchr("=", argv[i][strlen(long_name)]) != NULL)) {
         return true;
      }
   }
   return false;
}

int main(int argc, char **argv)
{
   declare_fields();
   if (argc == 2 && strcmp(argv[1], "--plugin-list") == 0) {
      list_plugins();
      return nc_flush_stdout("flow_meter") ? EXIT_SUCCESS : EXIT_FAILURE;
   }
   if (is_probe_line(argc, argv)) {
      return probe_main(argc, argv);
   }
   if (argc > 1 && !given(argc, argv, "-i", "-i") && !given(argc, argv, "-x", "--ipfix") &&
       !given(argc, argv, "-h", "--help") && !given(argc, argv, "-V", "--version")) {
      fputs("flow_meter: no output: expected -i with TRAP interfaces or -x with an IPFIX collector; for "
            "example\n"
            "  flow_meter -r capture.pcap -i f:flows.trapcap\n"
            "(see flow_meter -h)\n",
            stderr);
      return 1;
   }
   without_trap = given(argc, argv, "-x", "--ipfix") && !given(argc, argv, "-i", "-i");
   if (!without_trap) {
      return nm_main(&definition, argc, argv);
   }
   /* libtrap requires an interface: a blackhole, to which nothing is sent. */
   char **line = calloc((size_t) argc + 3, sizeof(*line)), interface[] = "-i", blackhole[] = "b:";
   if (line == NULL) {
      fputs("flow_meter: out of memory\n", stderr);
      return 1;
   }
   memcpy(line, argv, (size_t) argc * sizeof(*line));
   line[argc] = interface;
   line[argc + 1] = blackhole;
   int status = nm_main(&definition, argc + 2, line);
   free(line);
   return status;
}
