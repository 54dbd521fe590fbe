// What the C++ library would bring along for exceptions and heap, neither of which the keeper has: the real
// ones reserve 70 kB for exceptions before main. Reaching any of these is a fault, and ends the keeper; its
// gateway then adopts the tree and ends it.
#include <cstddef>
#include <cstdlib>
#include <new>

extern "C" {
void* __cxa_allocate_exception(std::size_t) noexcept { std::abort(); }
void __cxa_free_exception(void*) noexcept { std::abort(); }
void* __cxa_allocate_dependent_exception() noexcept { std::abort(); }
void __cxa_free_dependent_exception(void*) noexcept { std::abort(); }
}

void* operator new(std::size_t) { std::abort(); }
void* operator new[](std::size_t) { std::abort(); }
void operator delete(void*) noexcept {}
void operator delete[](void*) noexcept {}
void operator delete(void*, std::size_t) noexcept {}
void operator delete[](void*, std::size_t) noexcept {}
