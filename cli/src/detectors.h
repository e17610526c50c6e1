/* SPDX-License-Identifier: BSD-3-Clause */
/** Which detectors take part in an analysis: those that were asked for, and find what they need in the input. */
#ifndef CLI_DETECTORS_H
#define CLI_DETECTORS_H

#include "analysis.h"

/** Checks a list of names separated by commas. \return false with a message that names the unknown one and those there are */
bool detectors_known(const char *list, char *why, size_t size);
/** Prints what detectors there are: their kinds of events, what they need. \return false when writing failed (errno) */
bool detectors_list(bool json, FILE *to);
/**
 * Decides which of event_descriptions[] run, and notes in the analysis why the others do not. Reads the formats of flow files.
 * \return an array with an element for each description, to free(); NULL without memory
 */
bool *detectors_choose(struct analysis *a);

#endif
