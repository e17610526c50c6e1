/* SPDX-License-Identifier: BSD-3-Clause */
/** Flows of the archive, read by a child: nemea flows. */
#ifndef WEB_FLOWS_H
#define WEB_FLOWS_H

#include <jansson.h>

/** \param words behind "--archive=DIR --json". \return the HTTP status, with {"rows": [...]} or {"error"} */
unsigned flows_ask(const char *nemea, const char *archive, const json_t *words, json_t **answer);

#endif
