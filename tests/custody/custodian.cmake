add_library(custody_lab STATIC ${CMAKE_CURRENT_LIST_DIR}/lab.cc)
target_link_libraries(custody_lab PUBLIC holdfast_flags GTest::gmock GTest::gtest)
target_include_directories(custody_lab PUBLIC ${CMAKE_CURRENT_LIST_DIR})
holdfast_test(custodian SOURCES ${CMAKE_CURRENT_LIST_DIR}/custodian_test.cc DEPS custody_lab holdfast::custody LABELS custody TIMEOUT 120)
add_dependencies(custodian_test holdfast-keeper)

add_executable(small_gateway ${CMAKE_CURRENT_LIST_DIR}/small_gateway.cc)
target_link_libraries(small_gateway PRIVATE holdfast_flags holdfast::custody)
holdfast_test(recovery SOURCES ${CMAKE_CURRENT_LIST_DIR}/recovery_e2e_test.cc DEPS custody_lab holdfast::custody holdfast::outer
              LABELS custody TIMEOUT 120)
add_dependencies(recovery_test small_gateway holdfast-keeper adversaries)

holdfast_test(custodian_adversaries SOURCES ${CMAKE_CURRENT_LIST_DIR}/custodian_adversaries_test.cc
              DEPS custody_lab holdfast::custody holdfast::outer LABELS custody TIMEOUT 90)
add_dependencies(custodian_adversaries_test holdfast-keeper adversaries)

# The negative control: the same contract against a custodian that sweeps what is held must fail.
add_executable(custodian_mutant ${CMAKE_CURRENT_LIST_DIR}/custodian_test.cc)
target_link_libraries(custodian_mutant PRIVATE holdfast_flags custody_lab holdfast::custody_mutant GTest::gmock GTest::gtest
                      GTest::gtest_main)
add_dependencies(custodian_mutant holdfast-keeper)
add_test(NAME custodian/mutant_that_sweeps_active_trees_fails_the_contract
         COMMAND custodian_mutant --gtest_filter=*sweep_reaps_orphans_only*)
set_tests_properties(custodian/mutant_that_sweeps_active_trees_fails_the_contract PROPERTIES WILL_FAIL TRUE TIMEOUT 60 LABELS
                     custody)
