/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "virt.h"
#include "whole_file.h"

#define NOTE_TRIES    10
#define NAME_MAX_SIZE 254

bool hf_origin_is_host(const char *name)
{
    size_t length = strlen(name);

    if (length == 0 || length >= NAME_MAX_SIZE || !isalnum((unsigned char)name[0]))
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == length;
}

/* libvirt may be busy with the domain's start, or with the end of its migration. */
int hf_origin_note(const char *uuid, struct hf_error *err)
{
    const struct timespec second = {.tv_sec = 1};
    char name[NAME_MAX_SIZE] = "", element[NAME_MAX_SIZE + 32];
    int r = -HF_EIO;

    if (gethostname(name, sizeof name - 1) < 0 || !hf_origin_is_host(name))
        return hf_error_set(err, HF_EUSAGE, "host name '%s': not one that another host could use", name);
    snprintf(element, sizeof element, "<source host='%s'/>", name);
    for (int i = 0; i < NOTE_TRIES && r < 0 && r != -HF_ENOTFOUND; i++) {
        hf_auto(hf_virt_cleanup) struct hf_virt *v = NULL;

        if (i)
            (void)nanosleep(&second, NULL);
        r = hf_virt_open(NULL, uuid, &v, err);
        if (r == 0)
            r = hf_virt_set_metadata(v, element, "holdfast", HF_ORIGIN_XML_NS, err);
    }
    return r;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of a line, and what is behind it. */
static size_t word_length(const char *at, const char *end)
{
    const char *from = at;

    while (at < end && !is_blank(*at))
        at++;
    return (size_t)(at - from);
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

static int take_way(const char *at, const char *end, const char *host, char way[PATH_MAX], struct hf_error *err)
{
    size_t length;

    at = skip_blanks(at, end);
    while (end > at && is_blank(end[-1]))
        end--;
    length = (size_t)(end - at);
    if (length == 0 || length >= PATH_MAX || memchr(at, '\0', length))
        return hf_error_set(
            err, HF_EUSAGE,
            HF_PEERS_FILE ": host '%s': no way; use ssh://[USER@]HOST[:PORT], exec:COMMAND or unix:PATH", host);
    memcpy(way, at, length);
    way[length] = '\0';
    return 0;
}

int hf_origin_find(const char *table, size_t size, const char *host, char way[PATH_MAX], struct hf_error *err)
{
    const char *end = table + size;

    for (const char *line = table, *next; line < end; line = next) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        const char *at;
        size_t length;

        stop = stop ? stop : end;
        next = stop + 1;
        at = skip_blanks(line, stop);
        length = word_length(at, stop);
        if (length == strlen(host) && !memcmp(at, host, length))
            return take_way(at + length, stop, host, way, err);
    }
    return hf_error_set(err, HF_ENOTFOUND, HF_PEERS_FILE ": host '%s': not listed", host);
}

int hf_origin_way(const char *host, char way[PATH_MAX], struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *table = NULL;
    uint64_t size = 0;
    int r;

    if (!hf_origin_is_host(host))
        return hf_error_set(err, HF_EUSAGE, "the domain's metadata: invalid host name");
    r = hf_file_read(HF_PEERS_FILE, HF_PEERS_MAX, &table, &size, err);
    if (r == 0)
        r = hf_origin_find((const char *)table, size, host, way, err);
    if (r != -HF_ENOTFOUND)
        return r;
    snprintf(way, PATH_MAX, "ssh://%s", host);
    return 0;
}
