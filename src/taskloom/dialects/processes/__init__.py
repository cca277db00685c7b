"""The processes dialect: Camunda 8 REST v2."""
