/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host that a domain comes from, when a manager migrates it and not holdfast (fetch.h). The host where it runs
 * writes its own name into the running domain's metadata; libvirt takes that along.
 *
 *      <holdfast:source xmlns:holdfast="urn:holdfast:libvirt" host="node1"/>
 *
 * How that host's holdfast is reached is for the destination's root to say, and for nobody whose XML arrives: ssh by
 * that name, or the line of HF_PEERS_FILE that begins with it.
 *
 *      # HOST  WAY (ssh://[USER@]HOST[:PORT], exec:COMMAND, unix:PATH: peer_link.h)
 *      node1   ssh://root@10.0.0.1
 */
#ifndef HF_ORIGIN_H
#define HF_ORIGIN_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include <holdfast/error.h>

#define HF_PEERS_FILE    "/etc/holdfast/peers"
#define HF_PEERS_MAX     (1U << 20)
#define HF_ORIGIN_XML_NS "urn:holdfast:libvirt"

/* Writes this host's name into the running domain. Calls libvirt. */
int hf_origin_note(const char *uuid, struct hf_error *err);

/* Pure: letters, digits, '.', '-', '_'; begins with none of the signs; at most 253. */
bool hf_origin_is_host(const char *name);

/* Pure: the way of `host` in a table's text. HF_ENOTFOUND: not in it; HF_EUSAGE: its line is invalid. */
int hf_origin_find(const char *table, size_t size, const char *host, char way[PATH_MAX], struct hf_error *err);

/* By the table, otherwise by ssh. */
int hf_origin_way(const char *host, char way[PATH_MAX], struct hf_error *err);

#endif
