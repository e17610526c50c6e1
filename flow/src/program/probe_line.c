/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The command line of ipfixprobe: -i 'pcap;file=FILE' -s 'cache;...' -p 'plugin;...' -o 'unirec;ifc=...'. It becomes the
 * configuration of the meter, which then runs as a module whose only options are those of libtrap.
 */
#include "command_line.h"
#include "meter/meter.h"
#include "parameters.h"
#include "plugins/registry.h"

#include <errno.h>
#include <nemea-common/nc_text.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PROCESS        64
#define DEFAULT_RAW_BLOCKS 2048
#define DEFAULT_RAW_PAGES  32

_Static_assert(PARAMETER_ERROR >= METER_ERROR && PARAMETER_ERROR >= FLOW_PLUGIN_ERROR,
               "one buffer for all messages");

/* The command line, parsed. */
static struct {
   struct meter_config config;
   struct meter *meter;
   char error[PARAMETER_ERROR];
   bool storage_given, output_given, pid_written, daemon, eof, list_interfaces, libtrap_help;
   const char *ifc, *map, *pid_file, *plugins[MAX_PROCESS];
   unsigned n_plugins;
   /* parameters of the plugin that is being read */
   const char *file, *interface, *filter;
   uint32_t snaplen, blocks, pages, size, line, capture_memory;
   int64_t fanout;
   bool odid, verbose, frag_enable;
   uint32_t active, inactive, frag_size, frag_timeout, direction;
   bool split;
} probe;

static const struct parameter pcap_parameters[] = {
    {"f", "file", PARAMETER_TEXT, &probe.file, 0, 0, "PATH",
     "capture file, directory of them, - for standard input"},
    {"i", "ifc", PARAMETER_TEXT, &probe.interface, 0, 0, "IFC", "interface"},
    {"F", "filter", PARAMETER_TEXT, &probe.filter, 0, 0, "BPF", "BPF filter"},
    {"s", "snaplen", PARAMETER_NUMBER, &probe.snaplen, 0, UINT32_MAX, "N",
     "snapshot length, 120 to 65535 (65535)"},
    {"l", "list", PARAMETER_FLAG, &probe.list_interfaces, 0, 0, NULL, "print the interfaces"},
    {"M", "capture-memory", PARAMETER_NUMBER, &probe.capture_memory, 16, 1u << 20, "MIB",
     "memory limit for buffers and zstd windows of all open files (512)"},
    {NULL, NULL, PARAMETER_FLAG, NULL, 0, 0, NULL, NULL}};

static const struct parameter raw_parameters[] = {
    {"i", "ifc", PARAMETER_TEXT, &probe.interface, 0, 0, "IFC", "interface"},
    {"f", "fanout", PARAMETER_MAYBE_NUMBER, &probe.fanout, 0, 65535, "ID",
     "fanout group: inputs with the same ID share the packets"},
    {"F", "filter", PARAMETER_TEXT, &probe.filter, 0, 0, "BPF", "BPF filter"},
    {"b", "blocks", PARAMETER_NUMBER, &probe.blocks, 1, 65536, "N", "number of blocks in the ring (2048)"},
    {"p", "pkts", PARAMETER_NUMBER, &probe.pages, 1, 1024, "N", "number of pages in a block (32)"},
    {"l", "list", PARAMETER_FLAG, &probe.list_interfaces, 0, 0, NULL, "print the interfaces"},
    {NULL, NULL, PARAMETER_FLAG, NULL, 0, 0, NULL, NULL}};

static const struct parameter cache_parameters[] = {
    {"s", "size", PARAMETER_NUMBER, &probe.size, 4, 30, "EXP", "number of flows as an exponent of two (17)"},
    {"l", "line", PARAMETER_NUMBER, &probe.line, 0, 30, "EXP",
     "accepted for compatibility; this cache has no lines"},
    {"a", "active", PARAMETER_NUMBER, &probe.active, 1, 1000000, "SEC", "active timeout (300)"},
    {"i", "inactive", PARAMETER_NUMBER, &probe.inactive, 1, 1000000, "SEC", "inactive timeout (30)"},
    {"S", "split", PARAMETER_FLAG, &probe.split, 0, 0, NULL, "export uniflows instead of biflows"},
    {"fe", "frag-enable", PARAMETER_BOOL, &probe.frag_enable, 0, 0, "true|false",
     "assign ports to later fragments (true)"},
    {"fs", "frag-size", PARAMETER_NUMBER, &probe.frag_size, 1, 1 << 24, "N",
     "size of the fragment cache (10007)"},
    {"ft", "frag-timeout", PARAMETER_NUMBER, &probe.frag_timeout, 1, 3600, "SEC", "timeout of fragments (3)"},
    {NULL, NULL, PARAMETER_FLAG, NULL, 0, 0, NULL, NULL}};

static const struct parameter unirec_parameters[] = {
    {"i", "ifc", PARAMETER_TEXT, &probe.ifc, 0, 0, "SPEC", "TRAP outputs, separated by commas (required)"},
    {"p", "plugins", PARAMETER_TEXT, &probe.map, 0, 0, "MAP", "plugins of each output: basic,dns,(http,tls)"},
    {"o", "odid", PARAMETER_FLAG, &probe.odid, 0, 0, NULL, "ODID instead of LINK_BIT_FIELD"},
    {"e", "eof", PARAMETER_FLAG, &probe.eof, 0, 0, NULL, "send end of stream at the end"},
    {"I", "id", PARAMETER_LONG, &probe.config.sink.link_bit_field, 0, 0, "N", "LINK_BIT_FIELD or ODID (1)"},
    {"d", "dir", PARAMETER_NUMBER, &probe.direction, 0, 255, "N", "DIR_BIT_FIELD (0)"},
    {"h", "help", PARAMETER_FLAG, &probe.libtrap_help, 0, 0, NULL, "help on TRAP interfaces"},
    {"v", "verbose", PARAMETER_FLAG, &probe.verbose, 0, 0, NULL, "print counters at the end"},
    {NULL, NULL, PARAMETER_FLAG, NULL, 0, 0, NULL, NULL}};

static const struct parameter ipfix_parameters[] = {
    {"h", "host", PARAMETER_TEXT, &probe.config.sink.host, 0, 0, "HOST", "collector (127.0.0.1)"},
    {"p", "port", PARAMETER_TEXT, &probe.config.sink.port, 0, 0, "PORT", "(4739)"},
    {"m", "mtu", PARAMETER_NUMBER, &probe.config.sink.mtu, 128, 65507, "N", "maximum message size (1458)"},
    {"u", "udp", PARAMETER_FLAG, &probe.config.sink.udp, 0, 0, NULL, "use UDP instead of TCP"},
    {"n", "non-blocking-tcp", PARAMETER_FLAG, &probe.config.sink.never_wait, 0, 0, NULL,
     "drop records instead of waiting for the collector"},
    {"c", "lz4-compression", PARAMETER_FLAG, &probe.config.sink.lz4, 0, 0, NULL,
     "compress (TCP only): one LZ4 frame for each connection"},
    {"s", "lz4-buffer-size", PARAMETER_NUMBER, &probe.config.sink.lz4_buffer, 384, 4 << 20, "N",
     "bytes compressed at a time, at least 3 * mtu (65536)"},
    {"I", "id", PARAMETER_LONG, &probe.config.sink.link_bit_field, 0, 0, "N", "observation domain id (1)"},
    {"d", "dir", PARAMETER_NUMBER, &probe.direction, 0, 255, "N", "input interface (0)"},
    {"t", "template", PARAMETER_NUMBER, &probe.config.sink.template_refresh, 1, 86400, "SEC",
     "interval between templates over UDP (600)"},
    {"r", "reconnect", PARAMETER_NUMBER, &probe.config.sink.reconnect, 1, 86400, "SEC",
     "interval between attempts to connect (60)"},
    {"ms", "milliseconds", PARAMETER_FLAG, &probe.config.sink.milliseconds, 0, 0, NULL,
     "export times in milliseconds"},
    {"v", "verbose", PARAMETER_FLAG, &probe.verbose, 0, 0, NULL, "print counters at the end"},
    {NULL, NULL, PARAMETER_FLAG, NULL, 0, 0, NULL, NULL}};

static const struct parameter text_parameters[] = {
    {"f", "file", PARAMETER_TEXT, &probe.config.sink.text_file, 0, 0, "PATH",
     "output file; - is standard output (-)"},
    {"m", "mac", PARAMETER_FLAG, &probe.config.sink.text_no_mac, 0, 0, NULL, "omit MAC addresses"},
    {NULL, NULL, PARAMETER_FLAG, NULL, 0, 0, NULL, NULL}};

enum kind { INPUT, STORAGE, OUTPUT };

static const struct {
   enum kind kind;
   const char *name, *help;
   const struct parameter *parameters;
} plugins[] = {{INPUT, "pcap", "capture files and interfaces, through libpcap", pcap_parameters},
               {INPUT, "raw", "interfaces, through AF_PACKET", raw_parameters},
               {STORAGE, "cache", "the flow cache", cache_parameters},
               {OUTPUT, "unirec", "UniRec records over TRAP", unirec_parameters},
               {OUTPUT, "ipfix", "IPFIX messages to a collector", ipfix_parameters},
               {OUTPUT, "text", "lines of text", text_parameters}};

#define N_PLUGINS (sizeof(plugins) / sizeof(plugins[0]))

static int fail(void)
{
   nc_text_line(stderr, "Error: ", "%s", probe.error);
   return EXIT_FAILURE;
}

/* Keeps a message. \return false */
__attribute__((format(printf, 1, 2))) static bool wrong(const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   vsnprintf(probe.error, sizeof(probe.error), format, ap);
   va_end(ap);
   return false;
}

/* ------------------------------------------------------------------- plugins */

/* Cuts "name[@CPU][;parameters]". \return false with a message */
static bool cut_name(enum kind kind, char *text, char **parameters, int32_t *cpu)
{
   uint64_t n = 0;
   *parameters = text + strcspn(text, ";");
   if (**parameters == ';') {
      *(*parameters)++ = 0;
   }
   char *at = strchr(text, '@');
   *cpu = -1;
   if (at != NULL) {
      *at++ = 0;
      if (kind == STORAGE) {
         return wrong("%s: a storage plugin cannot be pinned to a CPU (@%s)", text, at);
      }
      if (!parameter_number(at, 0, CPU_SETSIZE - 1, &n)) {
         return wrong("%s: \"%s\" is not a CPU number", text, at);
      }
      *cpu = (int32_t) n;
   }
   return true;
}

/* \return index in plugins, or -1 with a message */
static int find_plugin(enum kind kind, const char *name)
{
   static const char *const kinds[] = {"input", "storage", "output"};
   char known[128] = "";
   for (size_t i = 0; i < N_PLUGINS; i++) {
      size_t n = strlen(known);
      if (plugins[i].kind != kind) {
         continue;
      }
      if (strcmp(plugins[i].name, name) == 0) {
         return (int) i;
      }
      snprintf(known + n, sizeof(known) - n, "%s%s", n > 0 ? ", " : "", plugins[i].name);
   }
   wrong("invalid %s plugin %.64s (expected %s)", kinds[kind], name, known);
   return -1;
}

static bool add_input(char *text)
{
   char *parameters;
   int32_t cpu;
   if (!cut_name(INPUT, text, &parameters, &cpu)) {
      return false;
   }
   int plugin = find_plugin(INPUT, text);
   probe.file = probe.interface = probe.filter = NULL;
   probe.snaplen = MAX_SNAPLEN;
   probe.blocks = DEFAULT_RAW_BLOCKS;
   probe.pages = DEFAULT_RAW_PAGES;
   probe.fanout = -1;
   if (plugin < 0 || !parameters_parse(text, parameters, plugins[plugin].parameters, probe.error)) {
      return false;
   }
   if (probe.capture_memory != 0) {
      source_set_memory((uint64_t) probe.capture_memory << 20);
   }
   if (probe.list_interfaces) {
      return true;
   }
   if ((probe.file == NULL) == (probe.interface == NULL)) {
      return wrong("%s: specify %s", text,
                   strcmp(text, "raw") == 0 ? "an interface (ifc)" : "either a file or an interface (ifc)");
   }
   if (probe.config.n_inputs == MAX_INPUTS) {
      return wrong("more than %d inputs", MAX_INPUTS);
   }
   if (probe.snaplen < MIN_SNAPLEN || probe.snaplen > MAX_SNAPLEN) {
      probe.snaplen = probe.snaplen < MIN_SNAPLEN ? MIN_SNAPLEN : MAX_SNAPLEN;
      fprintf(stderr, "ipfixprobe: warning: %s: snaplen is out of range, %u is used\n", text, probe.snaplen);
   }
   struct meter_input *in = &probe.config.inputs[probe.config.n_inputs++];
   *in = (struct meter_input){.interface = probe.interface,
                              .filter = probe.filter,
                              .raw = strcmp(text, "raw") == 0,
                              .snaplen = probe.snaplen,
                              .blocks = probe.blocks,
                              .block_pages = probe.pages,
                              .fanout = (int32_t) (probe.fanout == -2 ? getpid() & UINT16_MAX : probe.fanout),
                              .cpu = cpu};
   return probe.file == NULL || meter_add_file(in, probe.file, probe.error) == NM_OK;
}

static bool set_storage(char *text)
{
   struct flow_cache_config *c = &probe.config.cache;
   char *parameters;
   int32_t cpu;
   if (probe.storage_given) {
      return wrong("only one storage and one output plugin can be specified");
   }
   if (!cut_name(STORAGE, text, &parameters, &cpu)) {
      return false;
   }
   int plugin = find_plugin(STORAGE, text);
   if (plugin < 0 || !parameters_parse(text, parameters, plugins[plugin].parameters, probe.error)) {
      return false;
   }
   if (probe.line > probe.size) {
      return wrong("cache: the line (2^%u) is larger than the cache (2^%u)", probe.line, probe.size);
   }
   c->capacity = 1u << probe.size;
   c->active_ms = (uint64_t) probe.active * 1000;
   c->inactive_ms = (uint64_t) probe.inactive * 1000;
   c->split = probe.split;
   c->fragments = probe.frag_enable ? probe.frag_size : 0;
   c->fragment_s = probe.frag_timeout;
   probe.storage_given = true;
   return true;
}

static bool set_output(char *text)
{
   char *parameters, message[256];
   int32_t cpu;
   if (probe.output_given) {
      return wrong("only one storage and one output plugin can be specified");
   }
   if (!cut_name(OUTPUT, text, &parameters, &cpu)) {
      return false;
   }
   int plugin = find_plugin(OUTPUT, text);
   if (plugin < 0 || !parameters_parse(text, parameters, plugins[plugin].parameters, probe.error)) {
      return false;
   }
   probe.output_given = true;
   probe.config.to_unirec = strcmp(text, "unirec") == 0;
   probe.config.to_text = strcmp(text, "text") == 0;
   probe.config.to_ipfix = strcmp(text, "ipfix") == 0;
   probe.config.sink.direction = (uint8_t) probe.direction;
   probe.config.sink.odid = probe.odid;
   if (probe.config.to_ipfix && !ipfix_sink_check(&probe.config.sink, message)) {
      return wrong("ipfix: %s", message);
   }
   if (probe.config.to_unirec && probe.ifc == NULL && !probe.libtrap_help) {
      return wrong("unirec: ifc is missing: expected TRAP outputs");
   }
   return true;
}

/* Short names that ipfixprobe's process plugins had. */
static const char *long_name(const char *plugin, const char *name)
{
   static const char *const names[][3] = {{"pstats", "i", "includezeroes"},
                                          {"pstats", "s", "skipdup"},
                                          {"phists", "i", "includezeroes"},
                                          {"mqtt", "tc", "topiccount"},
                                          {"dnssd", "t", "txt"}};
   for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
      if (strcmp(names[i][0], plugin) == 0 && strcmp(names[i][1], name) == 0) {
         return names[i][2];
      }
   }
   return name;
}

static bool add_process(char *text)
{
   struct flow_sink_config *c = &probe.config.sink;
   char message[METER_ERROR], option[1280], *parameters = text + strcspn(text, ";"), *save = NULL;
   if (*parameters == ';') {
      *parameters++ = 0;
   }
   if (strchr(text, '@') != NULL) {
      return wrong("%.64s: a process plugin cannot be pinned to a CPU", text);
   }
   for (unsigned i = 0; i < probe.n_plugins; i++) {
      if (strcmp(probe.plugins[i], text) == 0) {
         return wrong("process plugin %s is given twice", text);
      }
   }
   if (probe.n_plugins == MAX_PROCESS) {
      return wrong("more than %d process plugins", MAX_PROCESS);
   }
   probe.plugins[probe.n_plugins++] = text;
   if (strcmp(text, "basic") == 0) {
      return true;
   }
   int plugin = meter_use_plugin(c, text, message);
   if (plugin < 0) {
      return wrong("invalid process plugin %.1400s", message);
   }
   for (char *name = strtok_r(parameters, ";", &save); name != NULL; name = strtok_r(NULL, ";", &save)) {
      char *value = strchr(name, '=');
      if (value != NULL) {
         *value++ = 0;
      }
      snprintf(option, sizeof(option), "%s%s%s", long_name(text, name), value != NULL ? "=" : "",
               value != NULL ? value : "");
      if (!flow_plugin_set_option(c->plugins[plugin], option, probe.error)) {
         return false;
      }
   }
   return true;
}

/* -------------------------------------------------------- plugins by interface */

static unsigned count_interfaces(void)
{
   unsigned n = 1;
   for (const char *p = probe.ifc; *p != 0; p++) {
      n += *p == ',';
   }
   return n;
}

/* One name of the map into a group. */
static bool map_name(const char *name, plugin_set_t *group, plugin_set_t *mapped)
{
   const struct flow_sink_config *c = &probe.config.sink;
   unsigned i = 0;
   if (strcmp(name, "basic") == 0) {
      return true;
   }
   while (i < c->n_plugins && strcmp(c->plugins[i]->name, name) != 0) {
      i++;
   }
   if (i == c->n_plugins) {
      return wrong("unirec: plugins: process plugin %.64s is not activated", name);
   }
   if ((*mapped >> i & 1) != 0) {
      return wrong("unirec: plugins: %s is on more than one interface", name);
   }
   *mapped |= PLUGIN_SET(i);
   *group |= PLUGIN_SET(i);
   return true;
}

/* "name,(name,name),..." into groups. */
static bool parse_map(char *text, plugin_set_t groups[MAX_OUTPUTS], unsigned *n)
{
   plugin_set_t mapped = 0;
   bool inside = false;
   *n = 0;
   while (*text != 0) {
      inside = inside || *text == '(';
      text += *text == '(';
      size_t length = strcspn(text, ",()");
      char end = text[length];
      if (length == 0 || end == '(' || (end == ')' && !inside) || *n == MAX_OUTPUTS) {
         return wrong("unirec: plugins: expected NAME or (NAME,NAME), separated by commas, for up to %d "
                      "interfaces, at \"%.64s\"",
                      MAX_OUTPUTS, text);
      }
      text[length] = 0;
      if (!map_name(text, &groups[*n], &mapped)) {
         return false;
      }
      text += length + (end != 0);
      if (end == ')') {
         inside = false;
         if (*text != 0 && *text++ != ',') {
            return wrong("unirec: plugins: expected a comma after ), before \"%.64s\"", text - 1);
         }
      }
      *n += !inside;
   }
   return !inside || wrong("unirec: plugins: ) is missing");
}

static bool map_outputs(void)
{
   struct flow_sink_config *c = &probe.config.sink;
   unsigned interfaces = count_interfaces(), n = 1;
   c->n_outputs = interfaces;
   if (interfaces > MAX_OUTPUTS) {
      return wrong("unirec: more than %d interfaces", MAX_OUTPUTS);
   }
   if (probe.map == NULL) {
      if (interfaces > 1 || c->n_plugins > 1) {
         return wrong("unirec: plugins is missing: expected the plugins of each interface");
      }
      c->output_plugins[0] = c->n_plugins > 0 ? PLUGIN_SET(0) : 0;
      return true;
   }
   plugin_set_t groups[MAX_OUTPUTS] = {0};
   char *map = strdup(probe.map);
   bool good = map != NULL ? parse_map(map, groups, &n) : wrong("out of memory");
   free(map);
   if (!good) {
      return false;
   }
   if (interfaces != 1 && n != interfaces) {
      return wrong("unirec: %u interfaces, but %u plugin groups", interfaces, n);
   }
   for (unsigned i = 0; i < n; i++) {
      c->output_plugins[interfaces == 1 ? 0 : i] |= groups[i];
   }
   return true;
}

/* ----------------------------------------------------------------------- help */

static void print_plugins(enum kind kind, const char *name)
{
   for (size_t i = 0; i < N_PLUGINS; i++) {
      if (name != NULL ? strcmp(name, plugins[i].name) == 0 : plugins[i].kind == kind) {
         printf("   %-10s %s\n", plugins[i].name, plugins[i].help);
         parameters_print(plugins[i].parameters);
      }
   }
}

static int help(const char *topic)
{
   bool all = topic == NULL;
   if (all) {
      printf("ipfixprobe: exports flow records of packets\n\n"
             "usage: ipfixprobe -i INPUT... [-s STORAGE] [-p PROCESS]... [-o OUTPUT] [options]\n"
             "INPUT, STORAGE, PROCESS, OUTPUT: PLUGIN[;PARAMETER[=VALUE]]..., such as\n"
             "   ipfixprobe -i 'pcap;file=a.pcap' -p dns -p tls -o "
             "'unirec;ifc=u:flows,u:dns,u:tls;plugins=basic,dns,tls'\n"
             "   ipfixprobe -i 'raw;ifc=eth0;fanout' -i 'raw;ifc=eth0;fanout' -p http -o "
             "'ipfix;host=collector;udp'\n"
             "The command line of flow_meter is accepted as well (see flow_meter -h).\n\n"
             "   -i, --input PLUGIN[@CPU]    may be repeated; each input has its own thread and cache\n"
             "   -s, --storage PLUGIN        (cache)\n"
             "   -p, --process PLUGIN        may be repeated\n"
             "   -o, --output PLUGIN         (ipfix)\n"
             "   -f, --fps N                 maximum number of flows exported per second (0: no limit)\n"
             "   -c, --count N               stop after N packets of each input (0: no limit)\n"
             "   -P, --pid FILE              write the process id to FILE, which is removed at the end\n"
             "   -d, --daemon                run in the background\n"
             "   -t, --telemetry DIR         directory for files with counters, updated every second\n"
             "   -C, --cpus A,B,..           CPUs to run on\n"
             "   -T, --tunnels outer|inner   which packet counts where IP packets carry IP packets (outer)\n"
             "   -h, --help [TOPIC]          input, storage, output, process or the name of a plugin\n"
             "   -V, --version\n"
             "   -q, -Q, -B, -L VALUE        accepted for compatibility, without effect\n\n");
   }
   const char *const kinds[] = {"input", "storage", "output"};
   for (enum kind k = INPUT; k <= OUTPUT; k++) {
      if (all || strcmp(topic, kinds[k]) == 0) {
         printf("%s plugins:\n", kinds[k]);
         print_plugins(k, NULL);
      }
   }
   if (all || strcmp(topic, "process") == 0) {
      printf("process plugins, with their fields:\n");
      list_plugins();
      return nc_flush_stdout("ipfixprobe") ? EXIT_SUCCESS : EXIT_FAILURE;
   }
   print_plugins(INPUT, topic);
   if (flow_plugin_find(topic) != NULL) {
      list_plugin(flow_plugin_find(topic));
   }
   return nc_flush_stdout("ipfixprobe") ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* -------------------------------------------------------------------- options */

enum option_id {
   O_INPUT,
   O_STORAGE,
   O_OUTPUT,
   O_PROCESS,
   O_TELEMETRY,
   O_IQUEUE,
   O_OQUEUE,
   O_PBUF,
   O_FPS,
   O_COUNT,
   O_PID,
   O_PATH,
   O_DAEMON,
   O_CPUS,
   O_TUNNELS,
   O_HELP,
   O_VERSION
};

static const struct {
   char short_name;
   const char *name;
   bool value;
} options[] = {[O_INPUT] = {'i', "input", true},
               [O_STORAGE] = {'s', "storage", true},
               [O_OUTPUT] = {'o', "output", true},
               [O_PROCESS] = {'p', "process", true},
               [O_TELEMETRY] = {'t', "telemetry", true},
               [O_IQUEUE] = {'q', "iqueue", true},
               [O_OQUEUE] = {'Q', "oqueue", true},
               [O_PBUF] = {'B', "pbuf", true},
               [O_FPS] = {'f', "fps", true},
               [O_COUNT] = {'c', "count", true},
               [O_PID] = {'P', "pid", true},
               [O_PATH] = {'L', "plugins-path", true},
               [O_DAEMON] = {'d', "daemon", false},
               [O_CPUS] = {'C', "cpus", true},
               [O_TUNNELS] = {'T', "tunnels", true},
               [O_HELP] = {'h', "help", false},
               [O_VERSION] = {'V', "version", false}};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

static bool set_cpus(char *text)
{
   cpu_set_t set;
   char *save = NULL;
   uint64_t n = 0;
   CPU_ZERO(&set);
   for (char *cpu = strtok_r(text, ",", &save); cpu != NULL; cpu = strtok_r(NULL, ",", &save)) {
      if (!parameter_number(cpu, 0, CPU_SETSIZE - 1, &n)) {
         return wrong("invalid argument for option -C: \"%s\" is not a CPU number", cpu);
      }
      CPU_SET((unsigned) n, &set);
   }
   return sched_setaffinity(0, sizeof(set), &set) == 0 || wrong("option -C: none of these CPUs can be used");
}

static bool set_option(enum option_id id, char *value)
{
   uint64_t n = 0;
   uint64_t least = id == O_IQUEUE || id == O_OQUEUE ? 1 : 0;
   switch (id) {
   case O_INPUT: return add_input(value);
   case O_STORAGE: return set_storage(value);
   case O_OUTPUT: return set_output(value);
   case O_PROCESS: return add_process(value);
   case O_TELEMETRY: probe.config.telemetry = value; return true;
   case O_IQUEUE:
   case O_OQUEUE:
   case O_PBUF:
   case O_FPS:
   case O_COUNT:
      if (!parameter_number(value, least, UINT64_MAX, &n)) {
         return strcmp(value, "0") == 0
                    ? wrong("%s queue size must be at least 1 record", id == O_IQUEUE ? "input" : "output")
                    : wrong("invalid argument for option -%c: \"%s\" (expected a number)",
                            options[id].short_name, value);
      }
      probe.config.count_limit = id == O_COUNT ? n : probe.config.count_limit;
      probe.config.flow_limit = id == O_FPS ? n : probe.config.flow_limit;
      return true;
   case O_PID: probe.pid_file = value; return true;
   case O_DAEMON: probe.daemon = true; return true;
   case O_CPUS: return set_cpus(value);
   case O_TUNNELS:
      probe.config.depth = strcmp(value, "inner") == 0 ? PARSE_INNER : PARSE_OUTER;
      return probe.config.depth == PARSE_INNER || strcmp(value, "outer") == 0 ||
             wrong("option --tunnels: \"%s\" is neither outer nor inner", value);
   default: return true;
   }
}

/* -x VALUE, -x=VALUE, -xVALUE, --long VALUE, --long=VALUE. \return index in options or -1; *value: what is after it */
static int match_option(char *text, char **value)
{
   *value = NULL;
   for (size_t i = 0; i < N_OPTIONS; i++) {
      size_t n = strlen(options[i].name);
      if (text[0] == '-' && text[1] == options[i].short_name) {
         *value = text[2] == 0 ? NULL : text + 2 + (text[2] == '=');
         return (int) i;
      }
      if (strncmp(text, "--", 2) == 0 && strncmp(text + 2, options[i].name, n) == 0 &&
          (text[n + 2] == 0 || text[n + 2] == '=')) {
         *value = text[n + 2] == '=' ? text + n + 3 : NULL;
         return (int) i;
      }
   }
   return -1;
}

/* \return false with a message. *topic: what help is asked for, NULL none, "" all */
static bool parse_line(int argc, char **argv, const char **topic, bool *version)
{
   for (int i = 1; i < argc; i++) {
      char *value = NULL;
      int id = match_option(argv[i], &value);
      if (id < 0 || (value != NULL && !options[id].value && id != O_HELP)) {
         return wrong("invalid option %s (see ipfixprobe --help)", argv[i]);
      }
      if (id == O_HELP) {
         *topic = value != NULL ? value : i + 1 < argc ? argv[i + 1] : "";
         return true;
      }
      *version = *version || id == O_VERSION;
      if (options[id].value && value == NULL) {
         value = i + 1 < argc ? argv[++i] : NULL;
         if (value == NULL) {
            return wrong("option -%c, --%s: a value is missing", options[id].short_name, options[id].name);
         }
      }
      if (!set_option((enum option_id) id, value)) {
         return false;
      }
   }
   return true;
}

/* Checks that need the whole command line. */
static bool complete(void)
{
   if (probe.config.n_inputs == 0) {
      return wrong("no input: expected -i PLUGIN");
   }
   if (!probe.output_given) {
      probe.config.to_ipfix = true;
   }
   return !probe.config.to_unirec || map_outputs();
}

bool is_probe_line(int argc, char **argv)
{
   const char *slash = strrchr(argv[0], '/');
   if (strcmp(slash != NULL ? slash + 1 : argv[0], "ipfixprobe") == 0) {
      return true;
   }
   for (int i = 1; i < argc; i++) {
      char *value = NULL;
      int id = match_option(argv[i], &value);
      value = id == O_INPUT && value == NULL && i + 1 < argc ? argv[i + 1] : value;
      for (size_t p = 0; id == O_INPUT && value != NULL && p < N_PLUGINS; p++) {
         size_t n = strlen(plugins[p].name);
         if (plugins[p].kind == INPUT && strncmp(value, plugins[p].name, n) == 0 &&
             strchr(";@", value[n]) != NULL) {
            return true;
         }
      }
   }
   return false;
}

/* ------------------------------------------------------------------------ run */

static bool write_pid(nm_module_t *m)
{
   FILE *f = fopen(probe.pid_file, "we");
   bool good = f != NULL && fprintf(f, "%ld\n", (long) getpid()) > 0;
   if (f != NULL && fclose(f) != 0) {
      good = false;
   }
   return good || nm_fail(m, "option -P: cannot write %s: %s", probe.pid_file, strerror(errno)) == NM_OK;
}

static int probe_init(nm_module_t *m)
{
   /* Written when the signals that end the program are handled: whoever reads it may send one at once. */
   if (probe.pid_file != NULL && !write_pid(m)) {
      return NM_ERROR;
   }
   probe.pid_written = probe.pid_file != NULL;
   probe.meter = meter_new(&probe.config, m);
   return probe.meter != NULL ? NM_OK : NM_ERROR;
}

static int probe_source(nm_module_t *m)
{
   (void) m;
   return meter_step(probe.meter);
}

static int probe_finish(nm_module_t *m)
{
   (void) m;
   return meter_finish(probe.meter);
}

static void probe_cleanup(nm_module_t *m)
{
   (void) m;
   if (probe.meter != NULL) {
      meter_free(probe.meter);
   }
   if (probe.pid_written) {
      unlink(probe.pid_file);
   }
}

static int run(char *program)
{
   static const nm_option_t none[] = {NM_END};
   char interface[] = "-i", blackhole[] = "b:", verbose[] = "-v", trap_help[] = "-h", trap[] = "trap";
   /* libtrap requires an interface: a blackhole, to which nothing is sent, if no output is TRAP. */
   char *ifc = probe.config.to_unirec && probe.ifc != NULL ? strdup(probe.ifc) : blackhole;
   char *line[] = {program, interface, ifc, probe.verbose ? verbose : NULL, NULL};
   char *help_line[] = {program, trap_help, trap, NULL};
   nm_module_def_t definition = {.name = "ipfixprobe",
                                 .summary = "Turns packets into flow records.",
                                 .outputs = NM_VARIABLE,
                                 .options = none,
                                 .flags = probe.eof ? 0 : NM_NO_EOS,
                                 .send_timeout = TRAP_HALFWAIT,
                                 .init = probe_init,
                                 .source = probe_source,
                                 .finish = probe_finish,
                                 .cleanup = probe_cleanup};
   if (probe.libtrap_help) {
      return nm_main(&definition, 3, help_line);
   }
   int status = nm_main(&definition, probe.verbose ? 4 : 3, line);
   if (ifc != blackhole) {
      free(ifc);
   }
   return status;
}

int probe_main(int argc, char **argv)
{
   const char *topic = NULL;
   bool version = false;
   meter_config_init(&probe.config);
   probe.size = 17;
   probe.line = 4;
   probe.active = 300;
   probe.inactive = 30;
   probe.frag_enable = true;
   probe.frag_size = FRAGMENTS;
   probe.frag_timeout = 3;
   probe.config.reports = true;
   bool good = parse_line(argc, argv, &topic, &version);
   if (good && topic != NULL) {
      return help(*topic != 0 ? topic : NULL);
   }
   if (good && version) {
      puts(NEMEA_VERSION);
      return nc_flush_stdout("ipfixprobe") ? EXIT_SUCCESS : EXIT_FAILURE;
   }
   if (good && probe.list_interfaces) {
      return source_list_interfaces() ? EXIT_SUCCESS : EXIT_FAILURE;
   }
   if (!good || (!probe.libtrap_help && !complete())) {
      return fail();
   }
   if (probe.daemon && daemon(1, 0) != 0) {
      wrong("option -d: cannot run in the background: %s", strerror(errno));
      return fail();
   }
   return run(argv[0]);
}
