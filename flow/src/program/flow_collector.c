/* SPDX-License-Identifier: BSD-3-Clause */
/** flow_collector: NetFlow and IPFIX of exporters to flow records. */
#include "collector/addresses.h"
#include "collector/forward.h"
#include "collector/receive.h"
#include "collector/replay.h"
#include "collector_format.h"
#include "collector_startup.h"

#include <nemea-common/nc_telemetry.h>
#include <nemea/module.h>

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_WORKERS 32
#define MAX_FILES   4096
#define WAIT_MS     100 /* how long a worker waits for messages before it looks at the rest */
#define NS          UINT64_C(1000000000)

struct flow_collector;

struct worker {
   struct flow_collector *self;
   unsigned number;
   pthread_t thread;
   bool started, finished; /* finished: atomic */
   struct fc_receiver *receiver;
   struct fc_decoder *decoder;
   uint8_t *
       records; /* UR_MAX_SIZE bytes: a record of an output that others write to, too, or of variable length */
   bool reserved; /* the record that is being written is in its output's buffer */
   int result;
   uint64_t next_second; /* when it looks at the rest again */
};

struct flow_collector {
   /* options */
   const char *telemetry, *elements_file, *startup, *targets[FC_MAX_TARGETS];
   unsigned n_targets;
   bool keep_source;
   struct fc_elements *elements; /* NULL: the default table */
   const char *formats_text[FC_MAX_OUTPUTS];
   uint32_t n_workers, buffer, port, rate, exporters, templates, per_exporter, waiting_memory, waiting_time;
   bool ignore_rate;
   struct fc_address addresses[FC_MAX_SOCKETS];
   struct fc_secure_config secure_config;
   struct fc_secure *secure; /* NULL: no TLS and no DTLS */
   const char *files[MAX_FILES];
   unsigned n_formats, n_addresses, n_files;
   struct fc_addresses *allowed, *links;

   nm_module_t *module;
   struct fc_forward *forward;
   char forward_names[FC_MAX_TARGETS][2][320];
   uint64_t forwarded[FC_MAX_TARGETS][2];
   struct fc_format *formats[FC_MAX_OUTPUTS];
   struct worker workers[MAX_WORKERS];
   struct fc_replay *replay;
   unsigned next_file;
   bool quit; /* atomic */
   bool damaged;
   uint64_t sums[FC_COUNTERS];
};

static const char *const counter_names[FC_COUNTERS] = {
    [FC_MESSAGES] = "messages",
    [FC_BYTES] = "bytes",
    [FC_V5] = "messages of NetFlow v5",
    [FC_V7] = "messages of NetFlow v7",
    [FC_V9] = "messages of NetFlow v9",
    [FC_IPFIX] = "messages of IPFIX",
    [FC_SFLOW] = "messages of sFlow",
    [FC_RECORDS] = "flow records",
    [FC_OPTIONS] = "options records",
    [FC_SENT] = "records to outputs",
    [FC_TEMPLATES] = "templates new or changed",
    [FC_WITHDRAWN] = "templates withdrawn",
    [FC_TEMPLATES_EVICTED] = "templates evicted",
    [FC_EXPORTERS] = "exporters",
    [FC_EXPORTERS_EVICTED] = "exporters evicted",
    [FC_SAMPLES_PASSED] = "samples of sFlow passed over",
    [FC_LISTS_PASSED] = "lists passed over",
    [FC_WAITED] = "sets read after their template came",
    [FC_CONNECTIONS] = "connections",
    [FC_LOST] = "lost by sequence numbers",
    [FC_OUT_OF_ORDER] = "messages out of order",
    [FC_RESTARTS] = "restarts of exporters",
    [FC_UNSURE] = "messages after which the sequence number is not known",
    [FC_DROP_KERNEL] = "dropped by the kernel",
    [FC_DROP_NOT_ALLOWED] = "dropped: exporter not allowed",
    [FC_DROP_VERSION] = "dropped: unknown protocol",
    [FC_DROP_MALFORMED] = "dropped: malformed",
    [FC_DROP_NO_TEMPLATE] = "dropped: no template",
    [FC_DROP_LIMIT] = "dropped: limit",
    [FC_DROP_MANDATORY] = "dropped: mandatory field missing",
    [FC_DROP_SAMPLE] = "dropped: sample without an IP packet",
    [FC_DROP_CUT] = "dropped: cut or fragment in a capture",
    [FC_DROP_HANDSHAKE] = "dropped: TLS handshake failed",
    [FC_DROP_CERTIFICATE] = "dropped: certificate refused",
    [FC_DROP_TIMEOUT] = "dropped: TLS handshake timed out",
    [FC_DROP_NO_SESSION] = "dropped: DTLS without a session",
    [FC_DROP_SIZE] = "dropped: record too large"};

/* ------------------------------------------------------------------- options */

static int add_address(nm_module_t *m, const char *text, enum fc_transport transport, const char *option)
{
   struct flow_collector *self = nm_self(m);
   char error[FC_ERROR];
   if (self->n_addresses == FC_MAX_SOCKETS) {
      return nm_fail(m, "option %s: more than %d sockets", option, FC_MAX_SOCKETS);
   }
   return fc_address_parse(&self->addresses[self->n_addresses++], text, transport, error)
              ? NM_OK
              : nm_fail(m, "option %s: %s", option, error);
}

static int add_udp(nm_module_t *m, const char *text)
{
   return add_address(m, text, FC_UDP, "-u, --udp");
}

static int add_tcp(nm_module_t *m, const char *text)
{
   return add_address(m, text, FC_TCP, "-t, --tcp");
}

static int add_tls(nm_module_t *m, const char *text)
{
   return add_address(m, text, FC_TLS, "--tls");
}

static int add_dtls(nm_module_t *m, const char *text)
{
   return add_address(m, text, FC_DTLS, "--dtls");
}

static int add_sctp(nm_module_t *m, const char *text)
{
   return add_address(m, text, FC_SCTP, "--sctp");
}

static int add_peer(nm_module_t *m, const char *name)
{
   struct fc_secure_config *c = &((struct flow_collector *) nm_self(m))->secure_config;
   if (c->n_peers == FC_MAX_PEERS) {
      return nm_fail(m, "option --tls-peer: more than %d names", FC_MAX_PEERS);
   }
   c->peers[c->n_peers++] = name;
   return NM_OK;
}

static int add_file(nm_module_t *m, const char *path)
{
   struct flow_collector *self = nm_self(m);
   if (self->n_files == MAX_FILES) {
      return nm_fail(m, "option -r, --file: more than %d files", MAX_FILES);
   }
   self->files[self->n_files++] = path;
   return NM_OK;
}

static int add_format(nm_module_t *m, const char *text)
{
   struct flow_collector *self = nm_self(m);
   if (self->n_formats == FC_MAX_OUTPUTS) {
      return nm_fail(m, "option -f, --format: more than %d outputs", FC_MAX_OUTPUTS);
   }
   self->formats_text[self->n_formats++] = text;
   return NM_OK;
}

typedef bool (*add_fn)(struct fc_addresses *a, const char *text, char error[FC_ERROR]);

static int add_rule(nm_module_t *m, struct fc_addresses **list, add_fn add, const char *text,
                    const char *option)
{
   char error[FC_ERROR];
   if (*list == NULL && (*list = fc_addresses_new()) == NULL) {
      return nm_fail(m, "out of memory");
   }
   return add(*list, text, error) ? NM_OK : nm_fail(m, "option %s: %s", option, error);
}

static int add_allowed(nm_module_t *m, const char *text)
{
   struct flow_collector *self = nm_self(m);
   return add_rule(m, &self->allowed, fc_addresses_add, text, "-a, --allow");
}

static int add_link(nm_module_t *m, const char *text)
{
   struct flow_collector *self = nm_self(m);
   return add_rule(m, &self->links, fc_addresses_link, text, "-L, --link");
}

static int add_target(nm_module_t *m, const char *text)
{
   struct flow_collector *self = nm_self(m);
   if (self->n_targets == FC_MAX_TARGETS) {
      return nm_fail(m, "option -F, --forward: more than %d targets", FC_MAX_TARGETS);
   }
   self->targets[self->n_targets++] = text;
   return NM_OK;
}

static const nm_option_t options[] = {
    NM_CALL('u', "udp", "address", add_udp,
            "Receive over UDP on this PORT, HOST:PORT or [ADDRESS]:PORT; without a host on all addresses, "
            "IPv4 and "
            "IPv6. May be repeated."),
    NM_CALL('t', "tcp", "address", add_tcp, "Receive IPFIX over TCP, likewise. May be repeated."),
    NM_CALL(0, "tls", "address", add_tls,
            "Receive IPFIX over TLS (TCP), likewise, from exporters with a certificate of --tls-ca. May be "
            "repeated."),
    NM_CALL(0, "dtls", "address", add_dtls, "Receive IPFIX over DTLS (UDP), likewise. May be repeated."),
    NM_STRING(0, "tls-certificate", struct flow_collector, secure_config.certificate, NULL,
              "Certificate of this collector for TLS and DTLS, in PEM form, with the chain to its CA."),
    NM_STRING(0, "tls-key", struct flow_collector, secure_config.key, NULL,
              "Its private key. (default: in the file of the certificate)"),
    NM_STRING(0, "tls-ca", struct flow_collector, secure_config.ca, NULL,
              "CA certificates that those of exporters must come from: a file, or a directory with hashed "
              "names."),
    NM_CALL(0, "tls-peer", "name", add_peer,
            "Accept exporters whose certificate has this DNS name only. May be repeated. Without it each "
            "certificate of --tls-ca is accepted."),
    NM_CALL(0, "sctp", "address", add_sctp,
            "Receive IPFIX over SCTP, likewise; the kernel must have it. May be repeated."),
    NM_CALL('r', "file", "file", add_file,
            "Read a capture of export packets (pcap or pcapng, plain or compressed) or an IPFIX file. May be "
            "repeated; "
            "files are read one after the other."),
    NM_U32('p', "port", struct flow_collector, port, 0, 0, 65535,
           "Of captures, read only datagrams to this port; 0: all that look like export messages."),
    NM_CALL(
        'f', "format", "fields", add_format,
        "Fields of an output, separated by commas: SRC_IP,DST_IP,?TCP_FLAGS. Records without a field are "
        "dropped "
        "and counted, unless it begins with ?, which makes it optional. \"basic\" is the fields that "
        "detectors "
        "of this system read, which are also those of an output without a format; \"plugin:NAME\" the fields "
        "of a plugin of flow_meter, \"?plugin:NAME\" the same, optional. Once for each output. Besides the "
        "fields of the element table there are LINK_BIT_FIELD, DIR_BIT_FIELD, ODID (the observation domain), "
        "EXPORTER_IP and SAMPLING_RATE."),
    NM_STRING('e', "elements", struct flow_collector, elements_file, NULL,
              "Element table: which field the values of an information element become, in the format of "
              "ipfixcol2's "
              "unirec-elements.txt. (default: the table of this system, see docs/collector.md)"),
    NM_STRING('c', "startup", struct flow_collector, startup, NULL,
              "Take inputs, formats and interfaces from a start-up file of ipfixcol2 (startup.xml): inputs "
              "udp, tcp and "
              "ipfix, outputs unirec. What has no effect here is told. In place of -u, -t, -r, -f and -i."),
    NM_CALL('F', "forward", "target", add_target,
            "Pass all datagrams that come over UDP on to this collector, HOST:PORT or [ADDRESS]:PORT, "
            "unchanged. What "
            "cannot be sent at once is counted, not waited for. May be repeated."),
    NM_FLAG(0, "keep-source", struct flow_collector, keep_source,
            "Forward datagrams with the addresses of their exporters, which needs the right CAP_NET_RAW."),
    NM_CALL('a', "allow", "prefix", add_allowed,
            "Read messages of this exporter (address or PREFIX/LENGTH) only. May be repeated. Without it all "
            "are read."),
    NM_CALL('L', "link", "rule", add_link,
            "LINK_BIT_FIELD and DIR_BIT_FIELD of an exporter's flows: EXPORTER[%INTERFACE]=LINK[:DIRECTION]. "
            "The first "
            "rule that applies counts; without one it is the observation domain, and 0. May be repeated."),
    NM_U32('s', "sampling-rate", struct flow_collector, rate, 0, 0, UINT32_MAX,
           "Exporters that do not say how they sample take one packet of so many; 0: they do not sample."),
    NM_FLAG(0, "keep-sampled", struct flow_collector, ignore_rate,
            "Do not multiply PACKETS and BYTES by the sampling rate. The field SAMPLING_RATE has it in any "
            "case."),
    NM_U32('w', "workers", struct flow_collector, n_workers, 1, 1, MAX_WORKERS,
           "Threads that share the sockets' datagrams. All messages of an exporter go to the same one, in "
           "order."),
    NM_U32(0, "buffer", struct flow_collector, buffer, 32, 1, 1024,
           "MiB of a UDP socket's buffer in the kernel (needs root above net.core.rmem_max)."),
    NM_U32(
        0, "max-exporters", struct flow_collector, exporters, 1024, 1, 1u << 20,
        "Exporters that are remembered, for each worker; the one that was silent for longest is forgotten."),
    NM_U32(0, "max-templates", struct flow_collector, templates, 8192, 1, 1u << 20,
           "Templates of all exporters, likewise."),
    NM_U32(0, "max-exporter-templates", struct flow_collector, per_exporter, 1024, 1, 1u << 20,
           "Templates of one exporter; the one that was not used for longest is forgotten."),
    NM_U32(0, "waiting-memory", struct flow_collector, waiting_memory, 4, 1, 1024,
           "MiB for records that came before their template, for each worker."),
    NM_U32(0, "waiting-time", struct flow_collector, waiting_time, 60, 0, 86400,
           "Seconds that they are kept before they are dropped and counted."),
    NM_STRING(0, "telemetry", struct flow_collector, telemetry, NULL,
              "Directory for files with counters and the list of exporters, updated every second."),
    NM_END,
};

static int load_elements(struct flow_collector *self)
{
   char *errors = NULL;
   if (self->elements_file == NULL) {
      return NM_OK;
   }
   self->elements = fc_elements_load(self->elements_file, &errors);
   int rc = self->elements != NULL ? NM_OK
                                   : nm_fail(self->module, "option -e, --elements: %s",
                                             errors != NULL ? errors : "out of memory");
   free(errors);
   return rc;
}

static int load_certificates(struct flow_collector *self)
{
   const struct fc_secure_config *c = &self->secure_config;
   char error[FC_ERROR];
   bool wanted = false;
   for (unsigned i = 0; i < self->n_addresses; i++) {
      wanted |= self->addresses[i].transport == FC_TLS || self->addresses[i].transport == FC_DTLS;
   }
   if (!wanted) {
      bool given = c->certificate != NULL || c->key != NULL || c->ca != NULL || c->n_peers > 0;
      return given ? nm_fail(self->module, "options --tls-... without --tls or --dtls") : NM_OK;
   }
   if (c->certificate == NULL || c->ca == NULL) {
      return nm_fail(self->module, "options --tls and --dtls need %s",
                     c->certificate == NULL ? "--tls-certificate FILE, the collector's certificate"
                                            : "--tls-ca FILE, the CA of the exporters' certificates");
   }
   self->secure = fc_secure_new(c, error);
   return self->secure != NULL ? NM_OK : nm_fail(self->module, "TLS and DTLS: %s", error);
}

static int check(nm_module_t *m)
{
   struct flow_collector *self = nm_self(m);
   char error[FC_ERROR];
   self->module = m;
   if ((self->n_files == 0) == (self->n_addresses == 0)) {
      return nm_fail(
          m, self->n_files == 0
                 ? "no input: expected -u PORT, -t PORT, --tls PORT, --dtls PORT, --sctp PORT or -r FILE"
                 : "options -u, -t, --tls, --dtls and --sctp (sockets) cannot be used with -r (files)");
   }
   if (self->n_files > 0 && self->n_workers > 1) {
      return nm_fail(m, "option -w, --workers: files have one worker");
   }
   if (self->n_targets > 0 && self->n_addresses == 0) {
      return nm_fail(m, "option -F, --forward: only what comes over UDP (-u) is passed on");
   }
   if (self->keep_source && self->n_targets == 0) {
      return nm_fail(m, "option --keep-source without -F, --forward");
   }
   if (load_elements(self) != NM_OK || load_certificates(self) != NM_OK) {
      return NM_ERROR;
   }
   if (self->n_formats == 0) {
      self->formats_text[self->n_formats++] = fc_default_format;
   }
   for (unsigned i = 0; i < self->n_formats; i++) {
      char *text = collector_format(self->formats_text[i], error);
      self->formats[i] = text != NULL ? fc_format_new(text, self->elements, error) : NULL;
      free(text);
      if (self->formats[i] == NULL) {
         return nm_fail(m, "option -f, --format: %s", error);
      }
   }
   return NM_OK;
}

/* ------------------------------------------------------------------- records */

static void *begin_record(void *context, unsigned output, size_t size)
{
   struct worker *w = context;
   struct flow_collector *self = w->self;
   void *room = w->records;
   const ur_template_t *t = self->formats[output]->tmplt;
   w->reserved = self->n_workers == 1 && t->first_dynamic == UR_NO_DYNAMIC_VALUES;
   if (w->reserved) {
      int rc = nm_reserve(self->module, output, (uint16_t) size, &room);
      w->result = rc != NM_OK ? rc : w->result;
   }
   return room;
}

static void end_record(void *context, unsigned output, void *record, size_t size)
{
   struct worker *w = context;
   int rc = w->reserved ? nm_commit(w->self->module, output, (uint16_t) size)
                        : nm_send_raw(w->self->module, output, record, (uint16_t) size);
   w->result = rc != NM_OK ? rc : w->result;
}

/* ------------------------------------------------------------------- workers */

static uint64_t clock_now(clockid_t id)
{
   struct timespec t;
   clock_gettime(id, &t);
   return (uint64_t) t.tv_sec * NS + (uint64_t) t.tv_nsec;
}

static int open_worker(struct flow_collector *self, unsigned i, uint32_t *granted)
{
   struct worker *w = &self->workers[i];
   char error[FC_ERROR];
   struct fc_decoder_config c = {.elements = self->elements,
                                 .formats = self->formats,
                                 .n_outputs = self->n_formats,
                                 .sink = {w, begin_record, end_record},
                                 .default_rate = self->rate,
                                 .rate_use = self->ignore_rate ? FC_RATE_IGNORE : FC_RATE_APPLY};
   fc_decoder_defaults(&c);
   c.max_exporters = self->exporters;
   c.max_templates = self->templates;
   c.max_templates_per_exporter = self->per_exporter;
   c.waiting_bytes = self->waiting_memory << 20;
   c.waiting_seconds = self->waiting_time;
   if (self->links != NULL) {
      c.link_of = fc_addresses_link_of;
      c.link_context = self->links;
   }
   if (self->allowed != NULL) {
      c.allowed = fc_addresses_allow;
      c.allowed_context = self->allowed;
   }
   w->self = self;
   w->number = i;
   w->records = malloc(UR_MAX_SIZE);
   w->decoder = fc_decoder_new(&c);
   if (w->records == NULL || w->decoder == NULL) {
      return nm_fail(self->module, "out of memory for the tables of worker %u", i);
   }
   if (self->n_addresses > 0) {
      w->receiver = fc_receiver_new(self->addresses, self->n_addresses, self->n_workers > 1,
                                    self->buffer << 20, self->secure, granted, error);
      return w->receiver != NULL ? NM_OK : nm_fail(self->module, "%s", error);
   }
   return NM_OK;
}

static bool open_telemetry(struct flow_collector *self, char error[NC_TELEMETRY_ERROR])
{
   return nc_telemetry_mkdir(self->telemetry, NULL, error) &&
          nc_telemetry_mkdir(self->telemetry, "exporters", error);
}

static int open_forward(nm_module_t *m)
{
   struct flow_collector *self = nm_self(m);
   char error[FC_FORWARD_ERROR];
   self->forward = fc_forward_new();
   if (self->forward == NULL) {
      return nm_fail(m, "out of memory");
   }
   for (unsigned i = 0; i < self->n_targets; i++) {
      if (!fc_forward_add(self->forward, self->targets[i], self->keep_source, error)) {
         return nm_fail(m, "option -F, --forward: %s", error);
      }
      snprintf(self->forward_names[i][0], sizeof(self->forward_names[i][0]), "forwarded to %.250s",
               self->targets[i]);
      snprintf(self->forward_names[i][1], sizeof(self->forward_names[i][1]), "not forwarded to %.250s",
               self->targets[i]);
      nm_counter(m, self->forward_names[i][0], &self->forwarded[i][0]);
      nm_counter(m, self->forward_names[i][1], &self->forwarded[i][1]);
   }
   for (unsigned i = 0; i < self->n_workers; i++) {
      if (!fc_receiver_forward(self->workers[i].receiver, self->forward, error)) {
         return nm_fail(m, "option -F, --forward: %s", error);
      }
   }
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct flow_collector *self = nm_self(m);
   uint32_t granted = UINT32_MAX, wanted = self->buffer << 20;
   char error[NC_TELEMETRY_ERROR];
   if (self->n_formats != nm_outputs(m)) {
      return nm_fail(m, "%u output interfaces (-i), but %u formats (-f)", nm_outputs(m), self->n_formats);
   }
   for (unsigned i = 0; i < self->n_formats; i++) {
      if (nm_set_output(m, i, self->formats[i]->typed) != NM_OK) {
         return NM_ERROR;
      }
      fc_format_bind(self->formats[i], nm_out_n(m, i));
   }
   for (unsigned i = 0; i < self->n_workers; i++) {
      if (open_worker(self, i, &granted) != NM_OK) {
         return NM_ERROR;
      }
   }
   if (granted < wanted) {
      nm_verbose(
          m, "UDP sockets got buffers of %u KiB instead of %u MiB: the kernel's net.core.rmem_max is smaller",
          granted >> 10, wanted >> 20);
   }
   if (self->n_targets > 0 && open_forward(m) != NM_OK) {
      return NM_ERROR;
   }
   if (self->n_addresses > 0) {
      trap_ctx_live_source(NULL);
   }
   if (self->telemetry != NULL && !open_telemetry(self, error)) {
      return nm_fail(m, "%s", error);
   }
   for (unsigned i = 0; i < FC_COUNTERS; i++) {
      nm_counter(m, counter_names[i], &self->sums[i]);
   }
   return NM_OK;
}

/* The exporters of a worker, which only its own thread may look at. */
static void write_exporters(struct worker *w)
{
   char *text = NULL, name[32], error[NC_TELEMETRY_ERROR];
   size_t size = 0;
   FILE *f = open_memstream(&text, &size);
   struct fc_exporter_view e;
   if (f == NULL) {
      return;
   }
   fputs("address port version messages records templates lost out-of-order restarts malformed no-template\n",
         f);
   for (uint32_t cursor = 0; fc_decoder_exporters(w->decoder, &cursor, &e);) {
      char address[INET6_ADDRSTRLEN];
      ip_to_str((const ip_addr_t *) e.peer.address, address);
      fprintf(f,
              "%s %u %u %" PRIu64 " %" PRIu64 " %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
              "\n",
              address, e.peer.port, e.version, e.messages, e.records, e.templates, e.lost, e.out_of_order,
              e.restarts, e.malformed, e.no_template);
   }
   if (fclose(f) == 0) {
      snprintf(name, sizeof(name), "exporters/%u", w->number);
      if (!nc_telemetry_write(w->self->telemetry, name, text, size, error)) {
         nm_warn(w->self->module, "%s", error);
      }
   }
   free(text);
}

static void warn_of_refusals(struct worker *w)
{
   char text[FC_REFUSAL];
   if (fc_receiver_refused(w->receiver, text)) {
      nm_warn(w->self->module, "%s", text);
   }
}

/* What is due about once a second. */
static void each_second(struct worker *w)
{
   uint64_t now = clock_now(CLOCK_MONOTONIC);
   if (now < w->next_second) {
      return;
   }
   w->next_second = now + NS;
   if (w->receiver != NULL) {
      fc_receiver_drops(w->receiver, w->decoder);
      fc_decoder_expire(w->decoder, clock_now(CLOCK_REALTIME));
      warn_of_refusals(w);
   }
   if (w->self->telemetry != NULL) {
      write_exporters(w);
   }
}

static int receive(struct worker *w)
{
   char error[FC_ERROR];
   if (!fc_receive(w->receiver, w->decoder, WAIT_MS, error)) {
      w->result = nm_fail(w->self->module, "%s", error);
   }
   each_second(w);
   return w->result;
}

static void *run_worker(void *worker)
{
   struct worker *w = worker;
   while (!nm_stopping(w->self->module) && !__atomic_load_n(&w->self->quit, __ATOMIC_RELAXED) &&
          receive(w) == NM_OK) {
   }
   if (w->result == NM_ERROR) {
      __atomic_store_n(&w->self->quit, true, __ATOMIC_RELAXED);
   }
   __atomic_store_n(&w->finished, true, __ATOMIC_RELEASE);
   return NULL;
}

static int start_workers(struct flow_collector *self)
{
   sigset_t all, before;
   int rc = 0;
   sigfillset(&all);
   pthread_sigmask(SIG_BLOCK, &all, &before); /* signals are the main thread's */
   for (unsigned i = 0; i < self->n_workers && self->n_addresses > 0; i++) {
      fc_receiver_begin(self->workers[i].receiver);
   }
   for (unsigned i = 0; i < self->n_workers && rc == 0; i++) {
      rc = pthread_create(&self->workers[i].thread, NULL, run_worker, &self->workers[i]);
      self->workers[i].started = rc == 0;
   }
   pthread_sigmask(SIG_SETMASK, &before, NULL);
   return rc == 0 ? NM_OK : nm_fail(self->module, "cannot start a worker: %s", strerror(rc));
}

static int watch_workers(struct flow_collector *self)
{
   unsigned finished = 0;
   if (!self->workers[0].started && start_workers(self) != NM_OK) {
      return NM_ERROR;
   }
   for (unsigned i = 0; i < self->n_workers; i++) {
      finished += __atomic_load_n(&self->workers[i].finished, __ATOMIC_ACQUIRE);
   }
   if (finished == self->n_workers) {
      return __atomic_load_n(&self->quit, __ATOMIC_RELAXED) ? NM_ERROR : NM_STOP;
   }
   nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000}, NULL);
   return NM_OK;
}

/* --------------------------------------------------------------------- files */

static int read_files(struct flow_collector *self)
{
   struct worker *w = &self->workers[0];
   char error[FC_ERROR];
   if (self->replay == NULL) {
      if (self->next_file == self->n_files) {
         return NM_STOP;
      }
      self->replay =
          fc_replay_open(self->files[self->next_file], (uint16_t) self->port, self->next_file + 1, error);
      self->next_file++;
      if (self->replay == NULL) {
         return nm_fail(self->module, "option -r, --file: %s", error);
      }
   }
   enum fc_replay_state state = fc_replay_step(self->replay, w->decoder, error);
   each_second(w);
   if (state == FC_REPLAY_MORE) {
      return w->result;
   }
   fc_replay_close(self->replay);
   self->replay = NULL;
   if (state == FC_REPLAY_FAILED) {
      return nm_fail(self->module, "%s", error);
   }
   if (state == FC_REPLAY_DAMAGED) {
      nm_warn(self->module, "%s", error);
      self->damaged = true;
   }
   return w->result;
}

/* ----------------------------------------------------------------------- run */

static void sum_counters(struct flow_collector *self)
{
   for (unsigned i = 0; i < FC_COUNTERS; i++) {
      uint64_t sum = 0;
      for (unsigned w = 0; w < self->n_workers && self->workers[w].decoder != NULL; w++) {
         sum += __atomic_load_n(&fc_decoder_counters(self->workers[w].decoder)[i], __ATOMIC_RELAXED);
      }
      self->sums[i] = sum;
   }
   for (unsigned i = 0; i < self->n_targets && self->forward != NULL; i++) {
      (void) fc_forward_counters(self->forward, i, &self->forwarded[i][0], &self->forwarded[i][1]);
   }
}

static void write_counters(struct flow_collector *self)
{
   char text[4096], error[NC_TELEMETRY_ERROR];
   size_t used = 0;
   for (unsigned i = 0; i < FC_COUNTERS; i++) {
      used += (size_t) snprintf(text + used, sizeof(text) - used, "%s: %" PRIu64 "\n", counter_names[i],
                                self->sums[i]);
   }
   if (!nc_telemetry_write(self->telemetry, "stats", text, used, error)) {
      nm_warn(self->module, "%s", error);
   }
}

static int source(nm_module_t *m)
{
   static uint64_t next;
   struct flow_collector *self = nm_self(m);
   int rc = self->n_files > 0     ? read_files(self)
            : self->n_workers > 1 ? watch_workers(self)
                                  : receive(&self->workers[0]);
   sum_counters(self);
   if (self->telemetry != NULL && clock_now(CLOCK_MONOTONIC) >= next) {
      write_counters(self);
      next = clock_now(CLOCK_MONOTONIC) + NS;
   }
   return rc;
}

/* Says which outputs no exporter has the fields of. */
static void warn_of_outputs(struct flow_collector *self)
{
   for (unsigned i = 0; i < self->n_formats; i++) {
      const char *lacks = NULL;
      bool sent = false;
      for (unsigned w = 0; w < self->n_workers; w++) {
         const char *name = fc_decoder_lacks(self->workers[w].decoder, i);
         sent |= name == NULL && fc_decoder_counters(self->workers[w].decoder)[FC_RECORDS] > 0;
         lacks = name != NULL ? name : lacks;
      }
      if (!sent && lacks != NULL) {
         nm_warn(self->module, "output %u was sent no records: none has its mandatory field %s", i, lacks);
      }
   }
}

static int finish(nm_module_t *m)
{
   struct flow_collector *self = nm_self(m);
   for (unsigned i = 0; i < self->n_workers; i++) {
      struct worker *w = &self->workers[i];
      if (w->started) {
         pthread_join(w->thread, NULL);
         w->started = false;
      }
      if (w->receiver != NULL) {
         fc_receiver_drops(w->receiver, w->decoder);
         warn_of_refusals(w);
      }
      fc_decoder_expire(w->decoder, UINT64_MAX);
      if (self->telemetry != NULL) {
         write_exporters(w);
      }
   }
   sum_counters(self);
   warn_of_outputs(self);
   if (self->telemetry != NULL) {
      write_counters(self);
   }
   return self->damaged ? nm_fail_status(m, 3, "a part of the input could not be read") : NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct flow_collector *self = nm_self(m);
   __atomic_store_n(&self->quit, true, __ATOMIC_RELAXED);
   for (unsigned i = 0; i < MAX_WORKERS; i++) {
      struct worker *w = &self->workers[i];
      if (w->started) {
         pthread_join(w->thread, NULL);
      }
      if (w->receiver != NULL) {
         fc_receiver_free(w->receiver);
      }
      fc_decoder_free(w->decoder);
      free(w->records);
   }
   for (unsigned i = 0; i < self->n_formats; i++) {
      fc_format_free(self->formats[i]);
   }
   if (self->replay != NULL) {
      fc_replay_close(self->replay);
   }
   fc_elements_free(self->elements);
   fc_forward_free(self->forward);
   fc_secure_free(self->secure);
   fc_addresses_free(self->allowed);
   fc_addresses_free(self->links);
}

static const nm_module_def_t definition = {
    .name = "flow_collector",
    .summary = "Receives NetFlow v5, v7, v9, IPFIX and sFlow of routers and probes, or reads captures of it "
               "and IPFIX "
               "files, and "
               "sends flow records. Exit status 3: a part of a file could not be read.",
    .outputs = NM_VARIABLE,
    .options = options,
    .state_size = sizeof(struct flow_collector),
    .no_eos_option = "no-eof",
    .send_timeout = TRAP_HALFWAIT,
    .check = check,
    .init = init,
    .source = source,
    .finish = finish,
    .cleanup = cleanup};

int main(int argc, char **argv)
{
   return collector_main(&definition, argc, argv);
}
