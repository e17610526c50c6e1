/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * A reload on trial: the configuration before is kept for some seconds. If a module that the reload added or restarted ends, or is not ready when
 * they are over, the configuration before comes back.
 */
#include "daemon.h"

static const char *const results[] = {[TRIAL_NONE] = "none",
                                      [TRIAL_RUNNING] = "running",
                                      [TRIAL_KEPT] = "kept",
                                      [TRIAL_ROLLED_BACK] = "rolled back"};

const char *trial_result(const struct daemon *d)
{
   return results[d->trial.result];
}

static void finish(struct daemon *d, enum trial_state result)
{
   config_free(d->trial.before);
   d->trial = (struct trial){.result = result};
   for (uint32_t i = 0; i < d->n_modules; i++) {
      d->modules[i]->on_trial = false;
   }
}

void trial_begin(struct daemon *d, uint32_t seconds)
{
   finish(d, TRIAL_RUNNING);
   d->trial.wanted = true;
   d->trial.deadline = d->now + (uint64_t) seconds * 1000;
}

void trial_abandon(struct daemon *d)
{
   finish(d, TRIAL_NONE);
}

static void roll_back(struct daemon *d, const struct module *m, const char *why)
{
   struct config *before = d->trial.before;
   d->trial.before = NULL;
   finish(d, TRIAL_ROLLED_BACK);
   journal_event(d, EVENT_ROLLBACK, m, "Module %s %s after the reload: the configuration before is back.",
                 m->name, why);
   journal_log(d, "ERROR", "Module %s %s after the reload: the configuration before is back.", m->name, why);
   char why_not[512];
   if (!spawner_load(d, before, why_not, sizeof(why_not))) { /* it has kept that configuration, too */
      journal_log(d, "ERROR", "The configuration before cannot be started again: %s", why_not);
   }
   (void) modules_apply(d, before, NULL);
   state_write_generated(d);
}

void trial_tick(struct daemon *d)
{
   bool over = d->now >= d->trial.deadline;
   if (d->trial.before == NULL) {
      return;
   }
   for (uint32_t i = 0; i < d->n_modules; i++) {
      const struct module *m = d->modules[i];
      bool up = m->plan.state == STATE_READY || m->plan.state == STATE_RUNNING;
      bool ended =
          m->plan.state == STATE_BACKOFF || m->plan.state == STATE_FAILED || m->plan.state == STATE_FINISHED;
      if (m->on_trial && module_wanted(d, m) && (ended || (over && !up))) {
         roll_back(d, m, ended ? "ended" : "was not ready in time");
         return;
      }
   }
   if (over) {
      finish(d, TRIAL_KEPT);
   }
}
