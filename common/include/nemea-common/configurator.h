/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/configurator.h
 * Configuration files in XML, loaded into a packed C struct that a second XML file, the pattern, describes.
 *
 * Pattern: `<configuration>` with `<struct>`s, whose children describe the members of the C struct in order:
 *
 *     <element type="required|optional"><name>N</name><type>uint16_t</type><default-value>9</default-value></element>
 *     <struct name="N">...</struct>                 a struct inline
 *     <array name="N"><element>...</element></array>   a pointer to values; or one <struct> of simple elements
 *
 * Types: int8_t uint8_t int16_t uint16_t int32_t uint32_t int64_t uint64_t float double string; `<type size="8">string`
 * is a char array of 8 bytes with its NUL (32 without size). User file: `<configuration><struct>` with
 * `<element name="N">value</element>`, `<struct name="N">`, `<array name="N">` of repeated elements or structs. Names
 * that the pattern does not know are ignored, of a name given twice the first counts, white space around values
 * does not.
 *
 * Errors go to standard error with the file, the line, the name and what was expected: XML that cannot be read, a number
 * followed by other text or out of its type's range, a required name that is missing. The struct is then unchanged.
 * Threads: any, at the same time.
 */
#ifndef NEMEA_COMMON_CONFIGURATOR_H
#define NEMEA_COMMON_CONFIGURATOR_H

#ifdef __cplusplus
extern "C" {
#endif

#define CONF_PATTERN_FILE   0 /**< the pattern is the name of a file */
#define CONF_PATTERN_STRING 1 /**< the pattern is the XML itself */

/** Fills in the packed struct out. Strings are truncated to their size and end in NUL; the bytes after a shorter one stay as
 * they are. An array that the user file does not have is NULL.
 * \return 0; 1: a message is on standard error and out is untouched */
int loadConfiguration(char *pattern, char *userFile, void *out, int patternType);
/** Elements of an array that loadConfiguration() made. \return 0 for NULL and pointers it does not know */
unsigned int configuratorGetArrElemCount(void *arr);
/** Frees the arrays of all loads. */
void configuratorFreeUAMBS(void);

#ifdef __cplusplus
}
#endif
#endif
