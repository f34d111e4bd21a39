"""Services for what moves: stock, purchase orders, material documents, planned requirements."""

from __future__ import annotations

from sandbox.s4.model import entity_set, service

STOCK = service(
    "API_MATERIAL_STOCK_SRV",
    entity_set(
        "A_MaterialStock",
        "Material",
        """
        Material String(40) alpha
        MaterialBaseUnit String(3)
        """,
        "to_MatlStkInAcctMod * A_MatlStkInAcctMod Material=Material",
    ),
    entity_set(
        "A_MatlStkInAcctMod",
        "Material Plant StorageLocation Batch Supplier Customer WBSElementInternalID SDDocument"
        " SDDocumentItem InventorySpecialStockType InventoryStockType",
        """
        Material String(40) alpha
        Plant String(4)
        StorageLocation String(4)
        Batch String(10)
        Supplier String(10) alpha
        Customer String(10) alpha
        WBSElementInternalID String(24)
        SDDocument String(10) alpha
        SDDocumentItem String(6) numc
        InventorySpecialStockType String(1)
        InventoryStockType String(2)
        MaterialBaseUnit String(3)
        MatlWrhsStkQtyInMatlBaseUnit Decimal(31,14) unit=MaterialBaseUnit nofilter
        """,
        "to_MaterialStock 1 A_MaterialStock Material=Material",
    ),
)

PURCHASE_ORDER = service(
    "API_PURCHASEORDER_PROCESS_SRV",
    entity_set(
        "A_PurchaseOrder",
        "PurchaseOrder",
        """
        PurchaseOrder String(10) alpha
        CompanyCode String(4)
        PurchaseOrderType String(4)
        PurchasingDocumentDeletionCode String(1)
        PurchasingProcessingStatus String(2)
        CreatedByUser String(12)
        CreationDate DateTime
        LastChangeDateTime DateTimeOffset
        Supplier String(10) alpha
        Language String(2)
        PaymentTerms String(4)
        PurchasingOrganization String(4)
        PurchasingGroup String(3)
        PurchaseOrderDate DateTime
        DocumentCurrency String(5)
        ExchangeRate String(12) nofilter
        IncotermsClassification String(3)
        CorrespncExternalReference String(12)
        CorrespncInternalReference String(12)
        ReleaseIsNotCompleted Boolean
        PurchasingCompletenessStatus Boolean
        AddressName String(40)
        AddressCityName String(40)
        AddressPostalCode String(10)
        AddressCountry String(3)
        """,
        "to_PurchaseOrderItem * A_PurchaseOrderItem PurchaseOrder=PurchaseOrder",
        changed="LastChangeDateTime",
    ),
    entity_set(
        "A_PurchaseOrderItem",
        "PurchaseOrder PurchaseOrderItem",
        """
        PurchaseOrder String(10) alpha
        PurchaseOrderItem String(5) numc
        PurchasingDocumentDeletionCode String(1)
        PurchaseOrderItemText String(40)
        Plant String(4)
        StorageLocation String(4)
        MaterialGroup String(9)
        PurchasingInfoRecord String(10) alpha
        SupplierMaterialNumber String(35)
        OrderQuantity Decimal(13,3) unit=PurchaseOrderQuantityUnit
        PurchaseOrderQuantityUnit String(3)
        OrderPriceUnit String(3)
        OrderPriceUnitToOrderUnitNmrtr Decimal(5,0)
        OrdPriceUnitToOrderUnitDnmntr Decimal(5,0)
        DocumentCurrency String(5)
        NetPriceAmount Decimal(12,3) unit=DocumentCurrency
        NetPriceQuantity Decimal(5,0) unit=OrderPriceUnit
        OverdelivTolrtdLmtRatioInPct Decimal(3,1)
        UnlimitedOverdeliveryIsAllowed Boolean
        UnderdelivTolrtdLmtRatioInPct Decimal(3,1)
        IsCompletelyDelivered Boolean
        IsFinallyInvoiced Boolean
        PurchaseOrderItemCategory String(1)
        AccountAssignmentCategory String(1)
        GoodsReceiptIsExpected Boolean
        InvoiceIsExpected Boolean
        PurchaseContract String(10) alpha
        PurchaseContractItem String(5) numc
        SupplierConfirmationControlKey String(4)
        PurchaseRequisition String(10) alpha
        PurchaseRequisitionItem String(5) numc
        IsReturnsItem Boolean
        Material String(40) alpha
        """,
        """
        to_ScheduleLine * A_PurchaseOrderScheduleLine PurchaseOrder=PurchasingDocument PurchaseOrderItem=PurchasingDocumentItem
        to_PurchaseOrder 1 A_PurchaseOrder PurchaseOrder=PurchaseOrder
        """,  # noqa: E501  -- one link a line
        shares="A_PurchaseOrder PurchaseOrder",
    ),
    entity_set(
        "A_PurchaseOrderScheduleLine",
        "PurchasingDocument PurchasingDocumentItem ScheduleLine",
        """
        PurchasingDocument String(10) alpha
        PurchasingDocumentItem String(5) numc
        ScheduleLine String(4) numc
        DelivDateCategory String(1)
        ScheduleLineDeliveryDate DateTime
        PurchaseOrderQuantityUnit String(3)
        ScheduleLineOrderQuantity Decimal(13,3) unit=PurchaseOrderQuantityUnit
        ScheduleLineDeliveryTime Time
        SchedLineStscDeliveryDate DateTime
        PurchaseRequisition String(10) alpha
        PurchaseRequisitionItem String(5) numc
        ScheduleLineCommittedQuantity Decimal(13,3) unit=PurchaseOrderQuantityUnit
        PerformancePeriodStartDate DateTime
        PerformancePeriodEndDate DateTime
        """,
        shares="A_PurchaseOrder PurchasingDocument",
    ),
)

MATERIAL_DOCUMENT = service(
    "API_MATERIAL_DOCUMENT_SRV",
    entity_set(
        "A_MaterialDocumentHeader",
        "MaterialDocumentYear MaterialDocument",
        """
        MaterialDocumentYear String(4)
        MaterialDocument String(10) alpha
        InventoryTransactionType String(2)
        DocumentDate DateTime
        PostingDate DateTime
        CreationDate DateTime
        CreationTime Time
        CreatedByUser String(12)
        MaterialDocumentHeaderText String(25)
        ReferenceDocument String(16)
        VersionForPrintingSlip String(1)
        GoodsMovementCode String(2)
        """,
        "to_MaterialDocumentItem * A_MaterialDocumentItem"
        " MaterialDocumentYear=MaterialDocumentYear MaterialDocument=MaterialDocument",
    ),
    entity_set(
        "A_MaterialDocumentItem",
        "MaterialDocumentYear MaterialDocument MaterialDocumentItem",
        """
        MaterialDocumentYear String(4)
        MaterialDocument String(10) alpha
        MaterialDocumentItem String(4) numc
        Material String(40) alpha
        Plant String(4)
        StorageLocation String(4)
        Batch String(10)
        GoodsMovementType String(3)
        InventoryStockType String(2)
        InventorySpecialStockType String(1)
        Supplier String(10) alpha
        PurchaseOrder String(10) alpha
        PurchaseOrderItem String(5) numc
        GoodsMovementRefDocType String(1)
        GoodsMovementReasonCode String(4)
        Delivery String(10) alpha
        DeliveryItem String(6) numc
        MaterialBaseUnit String(3)
        QuantityInBaseUnit Decimal(13,3) unit=MaterialBaseUnit
        EntryUnit String(3)
        QuantityInEntryUnit Decimal(13,3) unit=EntryUnit
        IsCompletelyDelivered Boolean
        MaterialDocumentItemText String(50) nofilter
        GoodsMovementIsCancelled Boolean
        ReversedMaterialDocumentYear String(4)
        ReversedMaterialDocument String(10) alpha
        ReversedMaterialDocumentItem String(4) numc
        """,
        "to_MaterialDocumentHeader 1 A_MaterialDocumentHeader"
        " MaterialDocumentYear=MaterialDocumentYear MaterialDocument=MaterialDocument",
    ),
)

PLANNED_REQUIREMENT = service(
    "API_PLND_INDEP_RQMT_SRV",
    entity_set(
        "PlannedIndepRqmt",
        "Product Plant MRPArea PlndIndepRqmtType PlndIndepRqmtVersion RequirementPlan"
        " RequirementSegment",
        """
        Product String(40) alpha
        Plant String(4)
        MRPArea String(10)
        PlndIndepRqmtType String(4)
        PlndIndepRqmtVersion String(2)
        RequirementPlan String(10)
        RequirementSegment String(40)
        PlndIndepRqmtIsActive Boolean
        UnitOfMeasure String(3)
        """,
        "to_PlndIndepRqmtItem * PlannedIndepRqmtItem Product=Product Plant=Plant MRPArea=MRPArea",
    ),
    entity_set(
        "PlannedIndepRqmtItem",
        "Product Plant MRPArea PlndIndepRqmtType PlndIndepRqmtVersion RequirementPlan"
        " RequirementSegment PlndIndepRqmtPeriod PeriodType",
        """
        Product String(40) alpha
        Plant String(4)
        MRPArea String(10)
        PlndIndepRqmtType String(4)
        PlndIndepRqmtVersion String(2)
        RequirementPlan String(10)
        RequirementSegment String(40)
        PlndIndepRqmtPeriod String(8)
        PeriodType String(1)
        PlndIndepRqmtPeriodStartDate DateTime
        PlndIndepRqmtInternalID String(12)
        WorkingDayDate DateTime
        PlannedQuantity Decimal(15,3) unit=UnitOfMeasure
        WithdrawalQuantity Decimal(15,3) unit=UnitOfMeasure
        UnitOfMeasure String(3)
        LastChangedByUser String(12)
        LastChangeDate DateTime
        PlndIndepRqmtLastChgdDateTime DateTime
        """,
        "to_PlndIndepRqmt 1 PlannedIndepRqmt Product=Product Plant=Plant MRPArea=MRPArea",
    ),
)
