import { testGateway } from "../support/gateway-tests.mjs";

testGateway("workerd");
