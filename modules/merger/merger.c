/* SPDX-License-Identifier: BSD-3-Clause */
/** merger: several inputs into one output. */
#include <nemea/module.h>
#include <stdio.h>

NM_FIELDS()

struct merger {
   const char *fields; /* of the output; NULL: those of all inputs */
   bool keep;
};

static const nm_option_t options[] = {
    NM_STRING(
        'u', "unirec", struct merger, fields, NULL,
        "Send these fields (\"type NAME,type NAME\") and do not wait for all inputs. Default: the fields of "
        "all inputs, known when each has sent its first record."),
    NM_FLAG('I', "ignore-in-eof", struct merger, keep,
            "Go on receiving after the end of stream of an input; files end all the same."),
    NM_END,
};

/* Old documents say "-n 3" for the number of inputs. */
static int arguments(nm_module_t *m, int count, char **values)
{
   for (int i = 0; i < count; i++) {
      nm_warn(m, "argument \"%s\" is ignored", values[i]);
   }
   return NM_OK;
}

static int check(nm_module_t *m)
{
   struct merger *self = nm_self(m);
   if (nm_inputs(m) == 0) {
      return nm_fail(m, "at least one input and one output needed");
   }
   nm_set_flag(m, NM_ALL_FORMATS, self->fields == NULL);
   nm_set_flag(m, NM_KEEP_EOS, self->keep);
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct merger *self = nm_self(m);
   if (self->fields == NULL) {
      return NM_OK;
   }
   int rc = nm_set_output(m, 0, self->fields);
   return rc == NM_ERROR ? nm_fail_status(m, 254, "-u: \"%s\" is not of the form \"type NAME,type NAME,...\"",
                                          self->fields)
                         : rc;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   return nm_forward_batch(m, 0, recs, n);
}

static int end_of_input(nm_module_t *m, uint32_t input)
{
   if (nm_verbosity(m) >= 0) {
      fprintf(stderr, "Interface %u received ending record, the interface will be closed.\n", input);
   }
   return NM_OK;
}

NM_MODULE("merger",
          "Sends the records of several inputs to one output, in the order in which they arrive. The output "
          "has the "
          "fields of "
          "all inputs, or those "
          "of -u; what a record lacks is zero or empty.",
          .in = NM_INPUTS({"records", .min = 0, .max = 32}),
          .out = NM_OUTPUTS({"merged", .format = NM_UNION, .added = NM_ADDED({"*", "u"})}) /* -u */,
          .options = options, .state_size = sizeof(struct merger), .flags = NM_SKIP_MISMATCH,
          .no_eos_option = "noeof", .interface_status = 253, .arguments = arguments, .check = check,
          .init = init, .records = records, .end_of_input = end_of_input)
