// The one unit that compiles Asio's bodies (BOOST_ASIO_SEPARATE_COMPILATION); everybody else sees
// declarations.
#include <boost/asio/impl/src.hpp>
