/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/nc_notify.h
 * What a service tells systemd (sd_notify(3)): that it is ready, and that it still works. Without systemd nothing is told.
 */
#ifndef NEMEA_COMMON_NC_NOTIFY_H
#define NEMEA_COMMON_NC_NOTIFY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Sends a state such as "READY=1" to NOTIFY_SOCKET. Never waits; what systemd cannot take is lost. Thread-safe. */
void nc_notify(const char *state);

/** How often "WATCHDOG=1" should be sent, in microseconds: half of what WATCHDOG_USEC allows. \return 0: nobody waits for that */
uint64_t nc_notify_interval(void);

#ifdef __cplusplus
}
#endif

#endif
