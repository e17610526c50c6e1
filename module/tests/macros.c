/* SPDX-License-Identifier: BSD-3-Clause */
/** Every macro of nemea/module.h that initialises something, compiled as modules of others are: with -Wall -Wextra. */
#include <nemea/module.h>

#include <stdlib.h>

struct macros {
   bool flag;
   uint8_t u8;
   uint16_t u16;
   uint32_t u32;
   uint64_t u64;
   int64_t i64;
   double number;
   const char *text;
   unsigned choice;
   void *file, *usual_file;
   nc_table_t *table, *set, *fixed;
};

static const char *const words[] = {"one", "two", NULL};

static int call(nm_module_t *m, const char *value)
{
   return nm_fail(m, "--call %s", value);
}

static void *load(nm_module_t *m, const char *path)
{
   nm_fail(m, "%s", path);
   return NULL;
}

static void evicted(void *context, const void *key, void *value)
{
   nm_verbose(context, "evicted %p %p", key, value);
}

static uint64_t entries(nm_module_t *m)
{
   return ((struct macros *) nm_self(m))->u32;
}

static const nm_option_t options[] = {
    NM_FLAG('a', "flag", struct macros, flag, "A flag."),
    NM_U8('b', "u8", struct macros, u8, 1, 0, 3, "A number."),
    NM_U16('c', "u16", struct macros, u16, 1, 0, 3, "A number."),
    NM_U32('d', "u32", struct macros, u32, 1, 0, 3, "A number."),
    NM_U64('e', "u64", struct macros, u64, 1, 0, 3, "A number."),
    NM_I64('f', "i64", struct macros, i64, -1, -3, 3, "A number."),
    NM_DOUBLE('g', "double", struct macros, number, 1, 0, 3, "A number."),
    NM_STRING('k', "text", struct macros, text, NULL, "A text."),
    NM_CHOICE('l', "choice", struct macros, choice, 0, words, "A word."),
    NM_CALL('m', "call", "string", call, "A call."),
    NM_FILE('o', "file", struct macros, file, load, free, "A file."),
    NM_FILE_OR('r', "usual-file", struct macros, usual_file, "/nonexistent", load, free, "A file."),
    NM_TABLE('p', "capacity", struct macros, table, "sources", ip_addr_t, uint32_t, 65536),
    NM_TABLE('q', "other-capacity", struct macros, set, "targets", ip_addr_t, uint8_t, 65536,
             .full = NC_TABLE_REFUSE, .evicted = evicted),
    NM_TABLE_OF(struct macros, fixed, "ports", uint16_t, uint32_t, entries),
    NM_END};

static int record(nm_module_t *m, const void *rec)
{
   return nm_send_n(m, 1, nm_alert_n(m, 1, rec));
}

NM_MODULE("macros", "Uses all macros.",
          .in = NM_INPUTS({.name = "flows", .fields = "ipaddr SRC_IP"},
                          {.name = "names", .optional = "string DNS_NAME"}),
          .out = NM_OUTPUTS({.name = "alerts", .fields = "ipaddr SRC_IP"},
                            {.name = "same", .format = NM_FOLLOW}),
          .options = options, .state_size = sizeof(struct macros), .record = record,
          .tick_every = NM_SECONDS(60))
