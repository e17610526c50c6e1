/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan.h"

#include "config.h"

const char *plan_state_name(enum module_state state)
{
   static const char *const names[] = {
       [STATE_STOPPED] = "stopped", [STATE_STARTING] = "starting", [STATE_RUNNING] = "running",
       [STATE_READY] = "ready",     [STATE_STOPPING] = "stopping", [STATE_BACKOFF] = "backoff",
       [STATE_FAILED] = "failed",   [STATE_FINISHED] = "finished", [STATE_REMOVED] = "removed"};
   return names[state];
}

enum plan_action plan_next(const struct plan_module *m, uint64_t now, uint64_t *wake)
{
   bool wanted = m->wanted && !m->removed;
   *wake = PLAN_NEVER;
   if (m->alive && m->state == STATE_STOPPING) {
      if (now >= m->deadline) {
         *wake = now + PLAN_STOP_TIMEOUT;
         return ACTION_KILL;
      }
      *wake = m->deadline;
      return ACTION_NONE;
   }
   if (m->alive) {
      return !wanted || m->restart ? ACTION_TERMINATE : ACTION_NONE;
   }
   if (m->removed) {
      return ACTION_REMOVE;
   }
   if (!wanted || m->held || m->state == STATE_FAILED || m->state == STATE_FINISHED) {
      return ACTION_NONE;
   }
   if (m->state == STATE_BACKOFF && !m->restart && now < m->deadline) {
      *wake = m->deadline;
      return ACTION_NONE;
   }
   return ACTION_START;
}

void plan_started(struct plan_module *m, uint64_t now, bool has_interfaces)
{
   m->state = has_interfaces ? STATE_STARTING : STATE_RUNNING;
   m->alive = true;
   m->restart = false;
   m->started = now;
}

void plan_ended(struct plan_module *m, uint64_t now, bool clean, uint32_t random)
{
   bool asked = m->state == STATE_STOPPING;
   m->alive = false;
   if (asked || !m->wanted || m->removed) {
      m->state = STATE_STOPPED;
      return;
   }
   if (now - m->window >= PLAN_WINDOW) {
      m->window = now;
      m->restarts = 0;
   }
   if (now - m->started >= PLAN_WINDOW) {
      m->delays = 0;
   }
   if (m->limit < CONFIG_UNLIMITED && m->restarts >= (uint32_t) m->limit) {
      m->state = clean ? STATE_FINISHED : STATE_FAILED;
      return;
   }
   uint64_t delay = m->delays < 6 ? PLAN_FIRST_DELAY << m->delays : PLAN_LAST_DELAY;
   m->restarts++;
   m->delays += m->delays < 6;
   m->state = STATE_BACKOFF;
   /* Modules that ended together do not all start together. */
   m->deadline = now + delay / 2 + random % (delay / 2 + 1);
}

void plan_reset(struct plan_module *m)
{
   m->restarts = 0;
   m->delays = 0;
   if (!m->alive && m->state != STATE_REMOVED) {
      m->state = STATE_STOPPED;
   }
}
