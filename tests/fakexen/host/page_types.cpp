// SPDX-License-Identifier: LGPL-2.1-or-later
// References, type references, pins: taking and dropping them. What validation checks is in validate.cpp.
#include "tests/fakexen/host/page_types.hpp"

#include "tests/fakexen/host/domain.hpp"
#include "tests/fakexen/host/pte.hpp"

#include <cassert>
#include <cerrno>
#include <cinttypes>

namespace fakexen {

void PageTypes::assign(Mfn mfn, Domain& owner)
{
    FrameState& frame = machine_.frame(mfn);
    assert(frame.references == 0);
    frame = FrameState{};
    frame.owner = &owner;
    frame.references = 1;
    frame.allocated = true;
    ++owner.nr_pages;
}

void PageTypes::share_xen_page(Mfn mfn, Domain& owner)
{
    FrameState& frame = machine_.frame(mfn);
    assert(frame.references == 0);
    frame = FrameState{};
    frame.owner = &owner;
    frame.references = 1;
    frame.allocated = true;
    frame.xen_heap = true;
    frame.type = FrameType::writable;
    frame.type_count = 1;  // never dropped: such a page is never anything else
    frame.validated = true;
    machine_.set_m2p(mfn, invalid_m2p_entry);
    ++owner.nr_xen_heap_pages;
}

void PageTypes::release(Mfn mfn)
{
    FrameState& frame = machine_.frame(mfn);
    if (frame.allocated) {
        frame.allocated = false;
        put_page(mfn);
    }
}

bool PageTypes::get_page(Mfn mfn, const Domain& owner)
{
    if (!machine_.is_ram(mfn)) {
        return false;
    }
    FrameState& frame = machine_.frame(mfn);
    if (frame.references == 0 || frame.owner != &owner) {
        return false;
    }
    ++frame.references;
    return true;
}

void PageTypes::put_page(Mfn mfn)
{
    FrameState& frame = machine_.frame(mfn);
    assert(frame.references > 0);
    if (--frame.references > 0) {
        return;
    }
    Domain& owner = *frame.owner;
    (frame.xen_heap ? owner.nr_xen_heap_pages : owner.nr_pages) -= 1;
    machine_.give_back(mfn);
    if (on_free) {
        on_free(mfn, owner);
    }
}

int PageTypes::get_type(Mfn mfn, FrameType type)
{
    FrameState& frame = machine_.frame(mfn);
    if (frame.type_count > 0 && frame.type != type && frame.type == FrameType::writable &&
        reclaim_stale) {
        (void)reclaim_stale();
    }
    if (frame.type_count > 0) {
        if (frame.type != type || !frame.validated) {
            return -EINVAL;  // in another use, or a table that turns up inside itself while it is checked
        }
        ++frame.type_count;
        return 0;
    }
    if (frame.type != type) {
        frame.type = type;
        frame.validated = false;
    }
    frame.type_count = 1;
    if (frame.validated) {
        return 0;  // a writable or segment frame whose type never changed
    }
    if (type == FrameType::writable) {
        frame.validated = true;
        return 0;
    }
    return validate(mfn, type, *frame.owner);
}

void PageTypes::put_type(Mfn mfn)
{
    FrameState& frame = machine_.frame(mfn);
    assert(frame.type_count > 0);
    if (frame.type_count == 1 && is_table(frame.type) && frame.validated) {
        frame.validated = false;
        devalidate(mfn, frame.type);
    }
    --frame.type_count;
}

int PageTypes::get_page_and_type(Mfn mfn, FrameType type, const Domain& owner)
{
    if (!get_page(mfn, owner)) {
        return -EINVAL;
    }
    const int error = get_type(mfn, type);
    if (error != 0) {
        put_page(mfn);
    }
    return error;
}

void PageTypes::put_page_and_type(Mfn mfn)
{
    put_type(mfn);
    put_page(mfn);
}

int PageTypes::pin(Mfn mfn, FrameType type, Domain& owner)
{
    if (const int error = get_page_and_type(mfn, type, owner); error != 0) {
        log_.warning("d%u: error %d while pinning mfn %#" PRIx64 " (pfn %#" PRIx64 ") as %s",
                     owner.id, error, mfn.number(), machine_.m2p(mfn), to_string(type));
        return error;
    }
    FrameState& frame = machine_.frame(mfn);
    if (frame.pinned) {
        log_.warning("d%u: mfn %#" PRIx64 " is already pinned", owner.id, mfn.number());
        put_page_and_type(mfn);
        return -EINVAL;
    }
    frame.pinned = true;
    mark_dirty(mfn);
    return 0;
}

int PageTypes::unpin(Mfn mfn, Domain& owner)
{
    if (!get_page(mfn, owner)) {
        return -EINVAL;
    }
    FrameState& frame = machine_.frame(mfn);
    if (!frame.pinned) {
        put_page(mfn);
        return -EINVAL;
    }
    frame.pinned = false;
    mark_dirty(mfn);
    put_page_and_type(mfn);
    put_page(mfn);
    return 0;
}

void PageTypes::mark_dirty(Mfn mfn)
{
    Domain& owner = *machine_.frame(mfn).owner;
    if (owner.dirty.enabled()) {
        owner.dirty.mark(machine_.m2p(mfn));
    }
}

}  // namespace fakexen
