/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The little of libvirt's API that we use. The library is loaded when it is first needed, so that holdfast's other
 * verbs work where libvirt is not installed. Not to be used in a hook: libvirt waits for the hook.
 *
 * Errors carry libvirt's own words. HF_ENOTFOUND: no libvirt, or no such domain.
 */
#ifndef HF_VIRT_H
#define HF_VIRT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>

struct hf_virt; /* a connection and one domain */

/* `uri` NULL: qemu:///system. Without a domain: for hf_virt_define() and as the other end of hf_virt_migrate(). */
int hf_virt_connect(const char *uri, struct hf_virt **out, struct hf_error *err);
/* `domain` is a name or a UUID. */
int hf_virt_open(const char *uri, const char *domain, struct hf_virt **out, struct hf_error *err);
/* The domain of a connection that has none yet. */
int hf_virt_find(struct hf_virt *v, const char *domain, struct hf_error *err);
void hf_virt_close(struct hf_virt *v);
static inline void hf_virt_cleanup(struct hf_virt **v)
{
    hf_virt_close(*v);
}

/* One domain as libvirt tells it, while it is visited. */
struct hf_virt_domain {
    const char *name;
    char uuid[37];
    const char *xml;   /* with which it will start next, without secrets */
    const char *state; /* "running", "paused", "shut off", ... */
    bool active;       /* it has a QEMU */
    bool paused;
    const char *pause; /* why libvirt says that it is; "" */
};
typedef int hf_virt_visit(void *ctx, const struct hf_virt_domain *domain, struct hf_error *err);

/* Every domain of the connection, or the one that was opened; one that is undefined meanwhile is left out. A negative
 * return of `each` ends it. Waits for no job of a domain. */
int hf_virt_each(struct hf_virt *v, hf_virt_visit *each, void *ctx, struct hf_error *err);
int hf_virt_look(struct hf_virt *v, hf_virt_visit *each, void *ctx, struct hf_error *err);

/* Whether the connection is to the QEMU that this host's root runs. */
bool hf_virt_is_system(struct hf_virt *v);

int hf_virt_uuid(struct hf_virt *v, char uuid[37], struct hf_error *err);

struct hf_virt_state {
    bool active; /* it runs, or is paused */
    bool paused;
    bool moved;      /* it is paused because it was moved, and libvirt does not know yet whether that succeeded */
    bool by_user;    /* it is paused because somebody asked for that; on a destination not before it has all arrived */
    bool persistent; /* defined, not only running */
    bool saved;      /* a managed save image waits */
};
int hf_virt_state(struct hf_virt *v, struct hf_virt_state *state, struct hf_error *err);

/* Whether libvirt saves or migrates it right now. Waits where QEMU's monitor does. */
int hf_virt_busy(struct hf_virt *v, bool *busy, struct hf_error *err);

/* How many bytes the job that runs has sent; 0: there is none. Waits as above. */
int hf_virt_sent(struct hf_virt *v, uint64_t *bytes, struct hf_error *err);

/* The XML with which it will start next, secrets included; free() it. */
int hf_virt_xml(struct hf_virt *v, char **xml, struct hf_error *err);

/* The XML of the domain as it is now, without secrets; free() it. */
int hf_virt_xml_now(struct hf_virt *v, char **xml, struct hf_error *err);

/* What libvirt would run for that XML, as a command line; free() it. */
int hf_virt_command_line(struct hf_virt *v, const char *xml, char **line, struct hf_error *err);

/* What confines QEMU here first: "apparmor", "selinux", "none", ... */
int hf_virt_security_model(struct hf_virt *v, char model[64], struct hf_error *err);

int hf_virt_define(struct hf_virt *v, const char *xml, struct hf_error *err);

/* Starts a domain that is not meant to run. *said is why libvirt did not start it, in its own words, which can be
 * longer than an error's text ("": it started, and was ended at once); free() it. */
int hf_virt_try(struct hf_virt *v, const char *xml, char **said, struct hf_error *err);

/* Guest-physical memory, at most 1 MiB at a time. */
int hf_virt_peek(struct hf_virt *v, uint64_t address, void *bytes, size_t size, struct hf_error *err);

/* A command for QEMU's human monitor; free() the answer. libvirt marks the domain as one whose monitor was used. */
int hf_virt_monitor(struct hf_virt *v, const char *command, char **answer, struct hf_error *err);

int hf_virt_undefine(struct hf_virt *v, struct hf_error *err);

/* Managed by this process: it talks to both libvirts. Returns when it is over; another thread may use `v`
 * meanwhile. */
struct hf_virt_migration {
    const char *uri; /* where QEMU connects to, as in virsh's --migrateuri; NULL: libvirt chooses */
    bool persist;    /* define it there */
    bool undefine;   /* and not here any more */
    bool unsafe;     /* also where libvirt thinks that the disks' caches could be lost */
    bool paused;     /* libvirt pauses the guest before its memory is sent, and resumes it where it is then */
};
int hf_virt_migrate(struct hf_virt *v, struct hf_virt *there, const struct hf_virt_migration *m, struct hf_error *err);
/* Writes the element of that namespace into the metadata of the running domain. */
int hf_virt_set_metadata(struct hf_virt *v, const char *element, const char *prefix, const char *uri,
                         struct hf_error *err);
int hf_virt_abort(struct hf_virt *v, struct hf_error *err);
int hf_virt_destroy(struct hf_virt *v, struct hf_error *err);
int hf_virt_start(struct hf_virt *v, struct hf_error *err);

/* Pause and go on. */
int hf_virt_suspend(struct hf_virt *v, struct hf_error *err);
int hf_virt_resume(struct hf_virt *v, struct hf_error *err);

#endif
