/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea/event.h
 * Alerts joined to events that a person reads: one scan that gave ten alerts is one event.
 *
 * The meaning of a detector's alerts is described next to the detector, in detectors/NAME/event.c (event description); alerts
 * of detectors that are not part of this system are described in alerts/kinds/NAME.c. The build collects all descriptions; users of
 * this library find them by name and know no detector themselves. A description reads alerts by the names of their fields only, so it
 * does not depend on how they are encoded: UniRec records and JSON objects are read alike.
 *
 * Memory: an event list holds at most EVENTS_MAX events of about 1.5 kB. Texts and JSON values belong to the caller; descriptions
 * and the names in them are constant.
 * Errors: functions that can fail say so; values that an alert does not have, or has as another type, are read as zero.
 * Threads: event lists are independent of each other; one list is for one thread at a time. Everything else may be called from any thread.
 */
#ifndef NEMEA_EVENT_H
#define NEMEA_EVENT_H

#include <nemea/alert.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EVENT_SAMPLES 16    /* addresses that an event names of each side */
#define EVENT_PORTS   16    /* ports that an event names */
#define EVENT_TOTALS  4     /* numbers that may be totals */
#define EVENT_DETAIL  96    /* bytes */
#define EVENT_ID_SIZE 33    /* 32 hexadecimal digits and a NUL */
#define RUN_GAP       300   /* seconds between two scans of one run */
#define EVENTS_MAX    10000 /* in a list; alerts of further events are only counted */

/* ------------------------------------------------------------------ an event */

enum event_confidence { EVENT_LOW, EVENT_MEDIUM, EVENT_HIGH };

/** What a person has said of an event. */
enum event_state { EVENT_NEW, EVENT_SEEN, EVENT_FALSE, EVENT_CLOSED };

struct event {
   const struct event_description *description;
   const char *kind, *title, *unit, *attack; /* the description's, unless its read() sets others */
   ur_time_t first, last;                    /* of the flows it was seen in */
   ip_addr_t source, target;                 /* all zero: many, or unknown */
   uint16_t port;                            /* of the targets; 0: many or none */
   uint8_t protocol;                         /* of IP; 0: unknown */
   uint64_t amount;                          /* in the description's unit */
   uint64_t flows, packets, bytes;           /* 0: unknown */
   uint64_t sources, targets;                /* how many; 0: unknown */
   ip_addr_t source_samples[EVENT_SAMPLES];  /* some of many sources */
   ip_addr_t samples[EVENT_SAMPLES];         /* some of many targets */
   unsigned n_source_samples, n_samples;
   uint16_t ports[EVENT_PORTS]; /* some of many ports */
   unsigned n_ports;
   const char *type;       /* of a flood, for machines: "syn", "udp", ...; NULL: unknown */
   uint64_t networks;      /* of the sources; 0: unknown */
   uint64_t sources_error; /* sources is an estimate, wrong by at most this in 19 of 20 cases; 0: counted */
   uint64_t peak_bytes, peak_packets; /* a second, in the highest ten seconds; 0: unknown */
   uint64_t margin;                   /* per cent of its threshold that it reached; 0: unknown */
   unsigned
       unseen; /* per cent of the packets of that time that are in no flow record, for they were sampled, dropped or cut; 0: none, or unknown */
   char detail[EVENT_DETAIL]; /* of the first alert, what it is about: a name, a URL; "": nothing */
   uint64_t
       evidence; /* for confidence() and reason(), which see nothing else of the alerts: the largest of them */
   uint64_t group;  /* number that a detector gives to alerts of one event; 0: none */
   uint64_t alerts; /* joined; read() sets 0: this alert is no event */

   /* Not for descriptions. */
   char id[EVENT_ID_SIZE];
   enum event_state state;
   bool more_sources, more_targets, more_ports; /* than there is room for */
   const struct event *parts; /* of a run: what it was joined of, by time; belong to the list */
   uint32_t n_parts;
   uint64_t latest[EVENT_TOTALS]; /* amount, flows, packets and bytes of the last totals */
   uint32_t older;                /* of the list: index + 1 of the event before it with the same hash */
};

/** What alerts of one event have in common. */
enum event_key {
   EVENT_BY_SOURCE = 1,
   EVENT_BY_TARGET = 2,
   EVENT_BY_PORT = 4,
   EVENT_BY_PROTOCOL = 8,
};

/** A row of a detector's rule: how sure it is, when, and why in words. The first row that holds counts. */
struct event_rule {
   enum event_confidence confidence;
   bool (*holds)(const struct event *e); /* NULL: always; of the last row */
   const char *why;                      /* ends "high: ", without a full stop */
};

struct event_description {
   const char *program; /* that sends the alerts */
   const char *needs;   /* fields that the program needs in its input, as in a template */
   const char *through; /* module whose records the program reads, which are no flows; NULL: it reads flows */
   const char *options; /* that the program is started with, separated by blanks; NULL: none */
   const char *live;    /* others, for attacks that are watched while they last; NULL: none */
   const char *plugins; /* of flow_meter, joined by '+', whose fields the program reads; NULL: none */
   bool plugins_optional; /* it also reads records without these fields */
   bool blacklist;        /* the program needs a list, as its option --blacklist; it is not run without one */
   const char *aggregator; /* program that aggregates these alerts; who reads them does not read its alerts */
   const char *json;   /* the alerts are JSON objects, of this format of an interface; NULL: UniRec records */
   const char *kind;   /* one of event_kinds[], for machines: "vertical-scan" */
   const char *kinds;  /* others that read() sets, separated by blanks; NULL: none */
   const char *title;  /* for people: "vertical port scan" */
   const char *unit;   /* of amount: "ports" */
   bool show_amount;   /* texts show the amount, also where bytes are known */
   const char *attack; /* MITRE ATT&CK techniques, separated by blanks; NULL: none */
   /* A program that finds attacks of several kinds has those of the most usual one here. */
   const char *fields; /* of its alerts, as in a template: those that read() needs, and the times */
   const char *first,
       *last;    /* fields with the times of the first and the last flow; NULL: TIME_FIRST, TIME_LAST */
   unsigned key; /* enum event_key: alerts are of one event when they agree in these, ... */
   bool total;   /* numbers of an alert are those since its first flow: later ones replace them,
                  unless they began after the end of all before */
   uint32_t gap; /* ... and begin at most this many seconds after its end, or are of the same group */
   /** Fills in the event of one alert; times and alerts are set already. */
   void (*read)(const struct alert *a, struct event *e);
   enum event_confidence (*confidence)(
       const struct event *e);     /* event_confidence_by_rules(), or of its own */
   const struct event_rule *rules; /* NULL: confidence() has no words; the README has them as a table */
   /** One sentence: who did what to whom, with the figures, and the thresholds that they crossed. */
   void (*reason)(const struct event *e, char *to, size_t size);
};

/** For descriptions with rules. */
enum event_confidence event_confidence_by_rules(const struct event *e);

/** Defines the description of a program: EVENT_DESCRIPTION(syn_counter, .kind = ..., ...); in detectors/NAME/event.c */
#define EVENT_DESCRIPTION(name, ...)                      \
   extern const struct event_description event_of_##name; \
   const struct event_description event_of_##name = {.program = #name, __VA_ARGS__}

/** For read(): another source. Those beyond EVENT_SAMPLES, and an address that is all zero, are left out. */
void event_add_source(struct event *e, const ip_addr_t *ip);
/** The same with a target. */
void event_add_target(struct event *e, const ip_addr_t *ip);
/** The same with a port; those beyond EVENT_PORTS, and numbers that are no ports, are left out. */
void event_add_port(struct event *e, uint64_t port);

/** All kinds of events there are, NULL after the last one: the values of "kind" in docs/event.schema.json. */
extern const char *const event_kinds[];

/** Descriptions of the detectors of this system, ordered by program, NULL after the last one. */
extern const struct event_description *const event_descriptions[];
/** The same of alerts whose detectors are not part of it. */
extern const struct event_description *const event_foreign_descriptions[];
/** Finds a description by the name of its program. \return NULL: no such program */
const struct event_description *event_description_find(const char *program);
/** Finds the description of the alerts that an input carries: by the name of its interface ("ddos_detector:resume=store", without the
 * type), else by the fields or the JSON format of the alerts. \param layout NULL: they are JSON \param json name of the format
 * \return NULL: there is none, or there are several */
const struct event_description *event_description_of_input(const char *spec, const ur_layout_t *layout,
                                                           const char *json);
/** Who joins alerts reads those of detectors, or those of the programs that aggregate them, not both. \return the description of
 * a detector whose alerts this program aggregates; NULL: it is no aggregator */
const struct event_description *event_description_aggregated_by(const char *program);

/* ---------------------------------------------------------------- event lists */

/** Begin with all zero. */
struct events {
   struct event *list, *parts; /* parts: of runs */
   uint32_t n, capacity;
   uint32_t *newest;           /* by hash: index + 1 of the newest event, 0: none */
   uint64_t received, dropped; /* alerts; those whose events found no room */
   uint64_t ignored;           /* those that are no events, as the description says, or no objects */
};

/**
 * Joins an alert to the event it belongs to, or begins one.
 * \return the event, valid until the next call; NULL: EVENTS_MAX is reached, or no memory (counted in dropped), or the alert is no
 * event (counted in ignored)
 */
struct event *events_add(struct events *all, const struct event_description *d, const struct alert *a);
/**
 * Sorts by time, then by everything else: the same events always come in the same order. Before, it joins what several programs, or
 * one program from both ends, saw of one attack: events of one kind that overlap in time and agree in source or target, and in all else
 * that both know; the one that knows most stays. Then it joins scans of one source that begin at most RUN_GAP seconds after
 * another ends to a run: of several hosts to a block scan, of one host or over several ports to a scan of them all. The parts stay
 * with the run. Add nothing afterwards.
 */
void events_sort(struct events *all);
/** How much of the packets was not seen, in per cent, for all events of a list; before it is sorted. It lowers their confidence. */
void events_set_unseen(struct events *all, unsigned percent);
/** Frees the memory of a list, which is empty then and can be used again. */
void events_free(struct events *all);

/* For programs that show events while alerts come in: */

struct event_line {
   uint64_t alerts, shown; /* shown: alerts when it was last shown */
};

/** Events of a list that its report will join are one line. Begin with all zero. About 240 kB for any number of events. */
struct event_lines {
   struct event_line *list; /* number - 1 */
   uint32_t n;
   uint32_t *of;         /* by index of the event: number of its line; 0: none yet */
   struct events joined; /* those of the line that was shown last */
};

/**
 * An alert was joined to e of this list, which was not sorted. A line is due when it is new, and each time that its alerts have doubled.
 * \param shown what the report would say of the line now; valid until the next call
 * \param grown the line was shown before
 * \return number of the line, from 1; 0: nothing is due, or no memory
 */
uint32_t event_lines_add(struct event_lines *lines, const struct events *all, const struct event *e,
                         const struct event **shown, bool *grown);
/** Frees its memory: it is empty then. */
void event_lines_free(struct event_lines *lines);

/* For programs that keep events otherwise than in a list: */

/** The event of one alert, with its id. \return false: this alert is no event */
bool event_of_alert(const struct event_description *d, const struct alert *a, struct event *e);
/** Number that is the same for all alerts of one event. */
uint64_t event_hash(const struct event *e);
/** Is e of the same event as to? */
bool event_belongs(const struct event *to, const struct event *e);
/** Adds an alert (or several, that were joined) to the event it belongs to, which keeps its id. */
void event_join(struct event *to, const struct event *e);
/** A scan whose source is known: with others of its source, of which it begins at most RUN_GAP seconds after their end, it is a run. */
bool event_is_scan(const struct event *e);
/** Did two programs, or one from both ends, see one attack? */
bool event_is_same_attack(const struct event *a, const struct event *b);
/** The run of scans of one source, which are sorted by time. The parts stay the caller's, and must stay as long as the run. */
struct event event_run_of(const struct event *parts, uint32_t n);

/* ------------------------------------------------------------------------ JSON */

/** The event as docs/event.schema.json (version 2) describes it. \return NULL without memory; the caller's, free it with json_decref() */
struct json_t *event_json(const struct event *e);
/** The same without the parts of a run. */
struct json_t *event_json_without_parts(const struct event *e);
/** The same with the keys of version 1. */
struct json_t *event_json_v1(const struct event *e);

/* ------------------------------------------------------------ texts for people */

extern const char *const event_confidence_names[]; /* "low", "medium", "high" */
extern const char *const event_state_names[];      /* "new", "seen", "false", "closed" */

/* Each writes a text, cut off at size, and returns to. */

/** "192.0.2.1" or "7 sources". */
char *event_source(const struct event *e, char *to, size_t size);
/** "192.0.2.1" or "port 22 (ssh) of 192.0.2.1, 192.0.2.2 ...". */
char *event_target(const struct event *e, char *to, size_t size);
/** "22 (ssh), 80 (http), ..."; "": none is known. */
char *event_ports(const struct event *e, char *to, size_t size);
/** "250 hosts", or bytes and their rate. */
char *event_amount(const struct event *e, char *to, size_t size);
/** The title and the protocol. */
char *event_title(const struct event *e, char *to, size_t size);
/** "12.4 MB/s, 31 000 packets/s" of the highest ten seconds; "": unknown. */
char *event_peak(const struct event *e, char *to, size_t size);
/** How sure it is; of a run what its surest part is. A step lower where packets were not seen, since answers may be among them. */
enum event_confidence event_confidence(const struct event *e);
/** Why, in words; "": the description has none. */
char *event_why(const struct event *e, char *to, size_t size);
/** The sentence of the description, or of a run. */
char *event_reason(const struct event *e, char *to, size_t size);
/** "TCP", or NULL for a protocol without a common name. */
const char *event_protocol(const struct event *e);
/** Whole seconds from the first flow to the end of the last. */
uint64_t event_seconds(const struct event *e);
/** An address that is not all zero. */
bool event_ip_is_set(const ip_addr_t *ip);

#ifdef __cplusplus
}
#endif
#endif
